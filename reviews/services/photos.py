"""Photos of a review. A file is written before its row, and deleted after the row is gone.

Storage knows no transactions: what a crash leaves in between is a file without a row,
which the sweep of orphans finds.
"""

from typing import IO
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from billing import periods
from billing.services.uploads import give_back, this_month, upload_room
from reviews import files
from reviews.imaging import Picture, taken_in
from reviews.jobs import delete_files, make_thumbnail, screen_review
from reviews.models import Review, ReviewPhoto, ReviewRevision
from reviews.models.photo import new_name
from reviews.services.finding import find_review
from reviews.services.revisions import CONTENT, add_revision, supersede_pending, wanted
from reviews.services.submission import own_review
from trustengine.accounts.access import require_age, require_good_standing
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied, TryAgain
from trustengine.jobs.services import enqueue, publish

logger = structlog.get_logger(__name__)

PENDING = ReviewPhoto.State.PENDING
SOURCE = "photos"  # of what is counted for the vendor


def add_photo(review_id: UUID, *, author: User, file: IO[bytes], size: int) -> tuple[ReviewPhoto, bool]:
    """Add a picture to one's own review; False beside it if the review has it already.

    It waits with the review, or, where that is approved, as an edit would: the approved
    text stays public. Raises ReviewNotFound, ReviewDeleted, PermissionDenied, FileTooLarge,
    FileTypeNotAllowed, InvalidTransition for one photo too many, QuotaExceeded where the
    vendor's plan has no room, or the author's share of it is used up, AccountSuspended,
    AgeRestricted.
    """
    require_good_standing(author)
    require_age(author)
    found = find_review(review_id, viewer=author)
    if found.author_id != author.pk:  # before any work is done for them
        raise PermissionDenied
    with upload_room(found.product.vendor_id, size=size) as room:
        picture = taken_in(file, size=size)
        name = new_name()
        files.store(name, picture.data)
        kept = False
        try:
            with transaction.atomic():
                photo, is_new = _attach(own_review(review_id, author), author, picture, name)
                if is_new:
                    room.settle(source=SOURCE, file_id=photo.pk, size=photo.size)
                    if others := _bytes_this_month(author, found.product.vendor_id, but=photo):
                        room.require_share(others + photo.size)
                kept = is_new  # whatever becomes of the commit, a row may name the file from here on
        finally:
            if not kept:
                _discard(name)
    return photo, kept


@transaction.atomic
def delete_photo(review_id: UUID, photo_id: UUID, *, author: User) -> None:
    """Delete a picture of one's own review. Raises NotFound, ReviewNotFound, ReviewDeleted, PermissionDenied."""
    review = own_review(review_id, author)
    photo = review.photos.filter(pk=photo_id).first()
    if photo is None:
        raise NotFound
    _delete(review, [photo], actor=author)
    if review.status == Review.Status.APPROVED and not review.photos.filter(state=PENDING).exists():
        present = wanted(review)
        if isinstance(present, ReviewRevision) and all(getattr(present, f) == getattr(review, f) for f in CONTENT):
            supersede_pending(review)  # it waited for the sake of the photo alone


@transaction.atomic
def delete_photos_of(review_id: UUID) -> int:
    """Delete all pictures of a review that is withdrawn or erased, files included; returns how many."""
    review = Review.objects.select_for_update(of=("self",), no_key=True).filter(pk=review_id).first()
    return _delete(review, list(review.photos.all()), actor=None) if review else 0


def _attach(review: Review, author: User, picture: Picture, name: str) -> tuple[ReviewPhoto, bool]:
    if (same := review.photos.filter(digest=picture.digest).first()) is not None:
        return same, False
    if review.photos.exclude(state=ReviewPhoto.State.REJECTED).count() >= settings.PHOTOS_PER_REVIEW:
        raise InvalidTransition(f"A review holds at most {settings.PHOTOS_PER_REVIEW} photos.")
    photo = ReviewPhoto.objects.create(
        review=review,
        name=name,
        width=picture.width,
        height=picture.height,
        size=len(picture.data),
        digest=picture.digest,
    )
    present = wanted(review)
    # A new number even where the text is the same: a decision names what its moderator has seen.
    revision = add_revision(review, {field: getattr(present, field) for field in CONTENT})
    review.save(update_fields=[*CONTENT, "status", "updated_at"])
    after = {"photo": photo.pk, "size": photo.size, "revision": revision.number, "status": review.status}
    record("review.photo_added", review, actor=author, after=after)
    enqueue(screen_review, key=review.pk)
    enqueue(make_thumbnail, key=photo.pk)
    publish(
        "reviews.photo_uploaded",
        photo_id=photo.pk,
        review_id=review.pk,
        profile_id=review.product.vendor_id,
        bytes=photo.size,
    )
    return photo, True


def _bytes_this_month(author: User, vendor_id: UUID, *, but: ReviewPhoto) -> int:
    """What an author's other photos take of a vendor's plan. Exact: counting this one has locked the month."""
    theirs = ReviewPhoto.objects.filter(review__author=author, review__product__vendor=vendor_id)
    since = periods.start_of(this_month())
    total = theirs.filter(created_at__gte=since).exclude(pk=but.pk).aggregate(total=Sum("size"))["total"]
    return int(total or 0)


def _discard(name: str) -> None:
    try:
        files.delete(name)
    except TryAgain:
        logger.warning("orphan_left", file=name)  # the sweep finds it


def _delete(review: Review, photos: list[ReviewPhoto], actor: User | None) -> int:
    if not photos:
        return 0
    review.photos.filter(pk__in=[photo.pk for photo in photos]).delete()
    for photo in photos:
        record("review.photo_deleted", review, actor=actor, before={"photo": photo.pk, "size": photo.size})
        publish(
            "reviews.photo_deleted",
            photo_id=photo.pk,
            review_id=review.pk,
            profile_id=review.product.vendor_id,
            bytes=photo.size,
        )
        give_back(review.product.vendor_id, source=SOURCE, file_id=photo.pk)
    enqueue(delete_files, names=[name for photo in photos for name in photo.files])
    if review.is_public:
        publish("reviews.visibility_changed", review_id=review.pk, product_id=review.product_id)
    return len(photos)
