"""Writing, editing and withdrawing a review. Both paths of writing meet in one edit routine."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from orders.models import OrderItem
from reviews.errors import ConflictOfInterest, ReviewNotFound
from reviews.fingerprints import forget_fingerprints
from reviews.jobs import screen_review
from reviews.models import Review, ReviewRevision
from reviews.ratings import rating_follows
from reviews.services.finding import is_visible, lock_review
from reviews.services.purchase import lock_purchase, reviewable_item, snapshot
from reviews.services.revisions import CONTENT, add_revision, supersede_pending, wanted
from trustengine.accounts.access import is_member, require_age, require_good_standing
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import PermissionDenied, TryAgain
from trustengine.jobs.services import enqueue, publish
from trustengine.origins import NOWHERE, Origin
from trustengine.text import normalised

TRIES = 3


class Absent(Enum):
    """What stands for a field that was not sent."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True)
class Submission:
    """A review as submitted; ``is_update`` where the author already had a live one of the product."""

    review: Review
    is_update: bool


def submit_review(
    *,
    author: User,
    product_id: UUID,
    order_id: UUID,
    rating: int,
    title: str | Absent | None = ABSENT,
    comment: str | Absent | None = ABSENT,
    origin: Origin = NOWHERE,
) -> Submission:
    """Take a buyer's review, or their edit of the one they already have.

    In an edit an absent title or comment keeps its value, None or "" clears it.
    It is pending until screening or a moderator decides. Raises PurchaseNotVerified,
    OrderNotDelivered, PurchaseRefunded, ReviewPeriodExpired, ConflictOfInterest,
    ProductInactive for a moderated product, AccountSuspended, AgeRestricted.
    """
    require_good_standing(author)
    require_age(author)
    given: dict[str, Any] = {"rating": rating, "title": title, "comment": comment}
    given = {name: value for name, value in given.items() if value is not ABSENT}
    with transaction.atomic():
        items = lock_purchase(author, product_id=product_id, order_id=order_id)
        for _ in range(TRIES):
            if (existing := _lock_live_review(author, product_id)) is not None:
                return Submission(_edit(existing, author, given, origin), is_update=True)
            item = reviewable_item(items, author)
            # Another order of the same product may be reviewed at this moment: then there is one to edit.
            with suppress(IntegrityError), transaction.atomic():
                return Submission(_create(item, author, given, origin), is_update=False)
    raise TryAgain


@transaction.atomic
def edit_review(review_id: UUID, *, author: User, changes: Mapping[str, Any], origin: Origin = NOWHERE) -> Review:
    """Change one's own review: ``changes`` holds any of rating, title, comment.

    A change of an approved review waits as a revision, while the approved text and stars
    stay public and counted. Raises ReviewNotFound, ReviewDeleted, PermissionDenied,
    ConflictOfInterest, AccountSuspended, AgeRestricted.
    """
    require_good_standing(author)
    require_age(author)
    return _edit(own_review(review_id, author), author, changes, origin)


@transaction.atomic
def withdraw_review(review_id: UUID, *, author: User) -> None:
    """Take one's own review back: it leaves the public, the rating and the queue.

    Raises ReviewNotFound, ReviewDeleted, PermissionDenied.
    """
    review = own_review(review_id, author)
    before = {"status": review.status, "deleted_at": None}
    supersede_pending(review)
    forget_fingerprints([review.pk])
    with rating_follows(review):
        review.deleted_at = database_now()
        review.save(update_fields=["deleted_at", "updated_at"])
        record("review.withdrawn", review, actor=author, before=before, after={"deleted_at": review.deleted_at})
        publish("reviews.review_withdrawn", review_id=review.pk, product_id=review.product_id)


def _create(item: OrderItem, author: User, given: Mapping[str, Any], origin: Origin) -> Review:
    content = {"rating": given["rating"], **{name: normalised(given.get(name) or "") for name in ("title", "comment")}}
    review = Review.objects.create(
        product=item.product,
        author=author,
        order_item=item,
        verification=Review.Verification.DELIVERED,
        purchase=snapshot(item),
        **content,
    )
    ReviewRevision.objects.create(review=review, number=1, created_at=review.created_at, **content, **asdict(origin))
    after = {"product": item.product_id, "order_item": item.pk, "rating": review.rating, "status": review.status}
    record("review.submitted", review, actor=author, after=after)
    enqueue(screen_review, key=review.pk)
    publish("reviews.review_submitted", review_id=review.pk, profile_id=item.product.vendor_id, item_id=item.pk)
    return review


def _edit(review: Review, author: User, changes: Mapping[str, Any], origin: Origin) -> Review:
    """Add a revision to a locked review and have it screened; the same content again changes nothing."""
    if is_member(author, review.product.vendor_id):  # hired since: what they wrote stays, and stays as it is
        raise ConflictOfInterest
    present = wanted(review)
    content = {name: changes.get(name, getattr(present, name)) for name in CONTENT}
    content |= {name: normalised(content[name] or "") for name in ("title", "comment")}
    if all(getattr(present, name) == content[name] for name in CONTENT):
        return review
    before = {"status": review.status, "rating": present.rating}
    revision = add_revision(review, content | asdict(origin))
    review.edit_count += 1
    review.edited_at = revision.created_at
    review.save(update_fields=[*CONTENT, "status", "edit_count", "edited_at", "updated_at"])
    after = {"revision": revision.number, "status": review.status, "rating": revision.rating}
    before["revision"] = revision.number - 1
    record("review.edited", review, actor=author, before=before, after=after)
    enqueue(screen_review, key=review.pk)
    return review


def own_review(review_id: UUID, author: User) -> Review:
    """The author's live review, locked. Raises ReviewNotFound, ReviewDeleted, PermissionDenied."""
    review = lock_review(review_id)
    if review.author_id != author.pk:
        raise PermissionDenied if is_visible(review, author) else ReviewNotFound
    return review


def _lock_live_review(author: User, product_id: UUID) -> Review | None:
    """The author's live review, locked; one that is withdrawn while this waits for it is none."""
    live = Review.objects.live().filter(author=author, product=product_id)
    return live.select_for_update(of=("self",), no_key=True).first()
