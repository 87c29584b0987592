"""What a decision changes about a review or a reply, as states and numbers that can be put back exactly.

A memento holds no text: which revision is shown says it all, and erasing an author never
has to look for it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from reviews.errors import CaseChanged
from reviews.models import ReplyRevision, Restriction, Review, ReviewPhoto, ReviewRevision, VendorReply
from reviews.ratings import rating_follows
from reviews.services.finding import lock_review
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.jobs.services import publish

Memento = dict[str, Any]
TAKEN_BACK = (
    "status",
    "is_hidden",
    "removed_at",
    "removal_reason",
    "removal_ground",
    "moderated_by",
    "moderated_at",
    "updated_at",
)


def memento_of(content: Review | VendorReply) -> Memento:
    """The state of a locked review or reply: what is shown, and what became of each text, photo and restriction."""
    states = {
        str(number): [state, decided_at and decided_at.isoformat(), decided_by and str(decided_by)]
        for number, state, decided_at, decided_by in content.revisions.order_by("number").values_list(
            "number", "state", "decided_at", "decided_by"
        )
    }
    memento: Memento = {
        "status": content.status,
        "is_hidden": content.is_hidden,
        "removed_at": content.removed_at and content.removed_at.isoformat(),
        "removal_reason": content.removal_reason,
        "removal_ground": content.removal_ground,
        "moderated_by": content.moderated_by_id and str(content.moderated_by_id),
        "moderated_at": content.moderated_at and content.moderated_at.isoformat(),
        "revisions": states,
    }
    if isinstance(content, Review):
        photos = content.photos.order_by("pk").values_list("pk", "state", "decided_at")
        active = content.restrictions.active().values_list("pk", flat=True).first()
        memento["photos"] = {str(photo): [state, moment and moment.isoformat()] for photo, state, moment in photos}
        memento["restriction"] = active and str(active)
    return memento


@transaction.atomic
def put_back_review(review_id: UUID, *, before: Memento, after: Memento, actor: User | None, reason: str) -> Review:
    """Undo a decision: a review that is still as the decision left it becomes what it was, and its rating follows.

    Raises CaseChanged if anything has happened to it since, ReviewNotFound, ReviewDeleted.
    """
    review = lock_review(review_id)
    if memento_of(review) != after:
        raise CaseChanged
    with rating_follows(review):
        for number in _changed(before, after, "revisions"):
            _settle(ReviewRevision.objects.filter(review=review, number=int(number)), before["revisions"][number])
        for photo in _changed(before, after, "photos"):
            state, moment = before["photos"][photo]
            ReviewPhoto.objects.filter(pk=photo).update(state=state, decided_at=_moment(moment))
        _restrict_as(review, before["restriction"], after["restriction"], actor)
        shown = _shown(review.revisions.all(), before)
        if shown is not None:
            review.rating, review.title, review.comment = shown.rating, shown.title, shown.comment
        _take_over(review, before)
        review.save(update_fields=[*TAKEN_BACK, "rating", "title", "comment", "restricted_at"])
        record("review.decision_undone", review, actor=actor, before=_brief(after), after=_brief(before), reason=reason)
    publish("reviews.review_decided", review_id=review.pk, product_id=review.product_id, author_id=review.author_id)
    publish("reviews.visibility_changed", review_id=review.pk, product_id=review.product_id)
    return review


@transaction.atomic
def put_back_reply(reply_id: UUID, *, before: Memento, after: Memento, actor: User | None, reason: str) -> VendorReply:
    """Undo a decision on a reply. Raises CaseChanged if anything has happened to it since."""
    reply = VendorReply.objects.live().select_for_update(of=("self",), no_key=True).filter(pk=reply_id).first()
    if reply is None or memento_of(reply) != after:
        raise CaseChanged
    for number in _changed(before, after, "revisions"):
        _settle(ReplyRevision.objects.filter(reply=reply, number=int(number)), before["revisions"][number])
    shown = _shown(reply.revisions.all(), before)
    if shown is not None:
        reply.text = shown.text
    _take_over(reply, before)
    reply.save(update_fields=[*TAKEN_BACK, "text"])
    record("reply.decision_undone", reply, actor=actor, before=_brief(after), after=_brief(before), reason=reason)
    about = {"reply_id": reply.pk, "review_id": reply.review_id, "product_id": reply.review.product_id}
    publish("reviews.reply_visibility_changed", **about, vendor_id=reply.vendor_id)
    return reply


def _changed(before: Memento, after: Memento, member: str) -> list[str]:
    return [key for key, value in before[member].items() if after[member].get(key) != value]


def _settle(revisions: Any, state: list[Any]) -> None:
    revisions.update(state=state[0], decided_at=_moment(state[1]), decided_by=state[2])


def _shown(revisions: Any, memento: Memento) -> Any:
    """The text that a content in this state shows: the last approved one if it is approved, else the last."""
    numbers = [int(number) for number in memento["revisions"]]
    if memento["status"] == "approved":
        numbers = [int(number) for number, state in memento["revisions"].items() if state[0] == "approved"]
    return revisions.filter(number=max(numbers)).first() if numbers else None


def _take_over(content: Review | VendorReply, memento: Memento) -> None:
    content.status, content.is_hidden = memento["status"], memento["is_hidden"]
    content.removed_at, content.removal_reason = _moment(memento["removed_at"]), memento["removal_reason"]
    content.removal_ground = memento["removal_ground"]
    content.moderated_by_id = memento["moderated_by"] and UUID(memento["moderated_by"])
    content.moderated_at = _moment(memento["moderated_at"])


def _restrict_as(review: Review, before: str | None, after: str | None, actor: User | None) -> None:
    if before == after:
        return
    if after is not None:
        Restriction.objects.filter(pk=after).update(lifted_at=database_now(), lifted_by=actor)
    restored = Restriction.objects.filter(pk=before).first() if before else None
    if restored is not None:
        Restriction.objects.filter(pk=restored.pk).update(lifted_at=None, lifted_by=None)
    review.restricted_at = restored.imposed_at if restored else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _brief(memento: Memento) -> dict[str, Any]:
    return {name: memento[name] for name in ("status", "is_hidden", "removed_at")}
