"""A vendor's reply to a review: written by its members, public once approved. Locks: review, reply."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from orders.services.showing import require_shown
from reviews.errors import ReviewNotFound
from reviews.jobs import screen_reply
from reviews.models import ReplyRevision, Review, VendorReply
from reviews.services.finding import lock_review
from trustengine.accounts.access import has_profile_access, require_good_standing
from trustengine.accounts.models import Membership, User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.jobs.services import enqueue, publish
from trustengine.text import normalised

State = ReplyRevision.State


@dataclass(frozen=True)
class Written:
    """A reply as it stands after writing; ``is_new`` where there was none."""

    reply: VendorReply
    is_new: bool


@transaction.atomic
def write_reply(review_id: UUID, *, member: User, text: str) -> Written:
    """Answer a public review in the name of its product's vendor, or change the answer there is.

    It is public once approved; the change of an approved reply waits while the approved
    text stays. The same text again changes nothing. Raises ReviewNotFound, ReviewDeleted,
    PermissionDenied for whoever is no manager of the vendor, AccountSuspended, InvalidInput.
    """
    require_good_standing(member)
    text = normalised(text)
    if not text:
        raise InvalidInput(fields={"text": "A reply needs a text."})
    review = _answerable(review_id, member)
    reply = _lock_reply_to(review)
    is_new = reply is None or reply.deleted_at is not None
    if reply is None:
        reply = VendorReply.objects.create(review=review, vendor=review.product.vendor, text=text)
        before: dict[str, object] = {}
    else:
        if not is_new and _wanted(reply) == text:
            return Written(reply, is_new=False)
        before = {"status": reply.status} | ({"deleted_at": reply.deleted_at} if is_new else {})
        _change(reply, text)
    revision = _add_revision(reply, text, member)
    after = {"review": review.pk, "revision": revision.number, "status": reply.status}
    record("reply.written" if is_new else "reply.edited", reply, actor=member, before=before, after=after)
    enqueue(screen_reply, key=reply.pk)
    return Written(reply, is_new)


@transaction.atomic
def withdraw_reply(review_id: UUID, *, member: User) -> None:
    """Take the vendor's reply back. Raises NotFound where there is none, else as ``write_reply``."""
    require_good_standing(member)
    review = _answerable(review_id, member)
    reply = _lock_reply_to(review)
    if reply is None or reply.deleted_at is not None:
        raise NotFound
    _supersede(reply)
    reply.deleted_at = database_now()
    reply.save(update_fields=["deleted_at", "updated_at"])
    record("reply.withdrawn", reply, actor=member, before={"status": reply.status, "deleted_at": None})
    publish("reviews.reply_withdrawn", reply_id=reply.pk, review_id=review.pk, product_id=review.product_id)


def find_reply(review_id: UUID, *, viewer: User) -> VendorReply:
    """A reply with its texts, as the vendor's members and moderators see it. Raises ReviewNotFound, NotFound."""
    review = Review.objects.live().select_related("product").filter(pk=review_id).first()
    is_moderator = viewer.has_perm("reviews.moderate_review")
    if review is None or not (review.is_public or is_moderator):
        raise ReviewNotFound
    if not is_moderator:
        require_shown(review.product, not_found=ReviewNotFound)
    found = VendorReply.objects.live().filter(review=review).prefetch_related("revisions").select_related("vendor")
    reply = found.first()
    if reply is None or not (is_moderator or has_profile_access(viewer, reply.vendor_id)):
        raise NotFound
    return reply


def has_earned_trust(reply: VendorReply) -> bool:
    """Whether the vendor's latest decided replies were all approved, as many as it takes of an author's reviews."""
    needed = settings.AUTO_APPROVE_MIN_CONSECUTIVE
    decided = ReplyRevision.objects.filter(
        reply__vendor=reply.vendor_id, state__in=[State.APPROVED, State.REJECTED]
    ).order_by("-decided_at", "-pk")
    latest = list(decided.values_list("state", flat=True)[:needed])
    return len(latest) == needed and State.REJECTED not in latest


def _answerable(review_id: UUID, member: User) -> Review:
    """A public review, locked, of a product that this user may act for: what is not public is not there.

    Nor is what is written about a product that a moderator has taken out of view.
    """
    review = lock_review(review_id)
    if not review.is_public:
        raise ReviewNotFound
    require_shown(review.product, not_found=ReviewNotFound)
    if not has_profile_access(member, review.product.vendor_id, Membership.Role.MANAGER):
        raise PermissionDenied
    return review


def _lock_reply_to(review: Review) -> VendorReply | None:
    return VendorReply.objects.select_for_update(of=("self",), no_key=True).filter(review=review).first()


def _wanted(reply: VendorReply) -> str:
    pending = reply.revisions.filter(state=State.PENDING).first()
    return pending.text if pending else reply.text


def _change(reply: VendorReply, text: str) -> None:
    """Take a new text in. What was withdrawn begins anew, and what is not public changes at once."""
    if reply.deleted_at is not None or reply.status != VendorReply.Status.APPROVED:
        reply.text, reply.status, reply.deleted_at = text, VendorReply.Status.PENDING, None
    reply.edit_count += 1
    reply.edited_at = database_now()
    reply.save(update_fields=["text", "status", "deleted_at", "edit_count", "edited_at", "updated_at"])


def _add_revision(reply: VendorReply, text: str, member: User) -> ReplyRevision:
    _supersede(reply)
    number = (reply.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    return ReplyRevision.objects.create(reply=reply, number=number, text=text, author=member)


def _supersede(reply: VendorReply) -> None:
    reply.revisions.filter(state=State.PENDING).update(state=State.SUPERSEDED, decided_at=database_now())
