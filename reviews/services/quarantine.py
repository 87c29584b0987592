"""Keeping the new ratings of a product under attack out of its rating until somebody decides.

Locks: reviews (by id), quarantine, rating. A first approval holds its review and then
looks for an open quarantine; whoever sweeps holds the reviews first as well, those that
wait for approval included. So an approval either is seen by the sweep or sees the
quarantine. A decision takes the quarantine, so that no approval joins behind its back;
the reviews that it then locks are members already, and those take no further lock on it.
Sweeps, decisions and replays of one quarantine take turns before any of this: a second
sweep would wait for members of the first, and keep them locked.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Min, Q

from orders.models import Product
from reviews.derivations import recount_stars
from reviews.errors import ConflictOfInterest
from reviews.jobs import replay_quarantine, sweep_quarantine
from reviews.models import Quarantine, Review, ReviewRevision
from trustengine.accounts.access import is_member
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import enqueue, publish, publish_many

PERMISSION = "reviews.moderate_review"
AT_ONCE = 500  # reviews in one transaction

State = Quarantine.State


@transaction.atomic
def open_quarantine(
    product_id: UUID,
    *,
    actor: User | None,
    reason: str,
    since: datetime | None = None,
    numbers: Mapping[str, Any] | None = None,
) -> Quarantine:
    """Keep what has been approved for the first time since a moment, and what will be, out of the rating.

    ``since`` may stand among the ``numbers`` of a burst (found, expected, probability);
    without either, it begins now. Where a quarantine is open already, that one stays and
    is returned. A job brings in what is counted already. Raises NotFound, PermissionDenied,
    and ConflictOfInterest for an own product.
    """
    product = Product.objects.filter(pk=product_id).first()
    if product is None:
        raise NotFound
    _check_actor(actor, product)
    given = dict(numbers or {})
    begin = since or (datetime.fromisoformat(given["since"]) if "since" in given else database_now())
    figures = {name: given.get(name) for name in ("found", "expected", "probability")}
    try:
        with transaction.atomic():
            row = Quarantine.objects.create(product=product, since=begin, reason=reason, opened_by=actor, **figures)
    except IntegrityError:
        return Quarantine.objects.get(product=product, state=State.OPEN)
    after = {"product": product.pk, "since": begin, **figures}
    record("quarantine.opened", row, actor=actor, after=after, reason=reason)
    publish("reviews.quarantine_opened", quarantine_id=row.pk, product_id=product.pk)
    enqueue(sweep_quarantine, quarantine_id=row.pk)
    return row


@transaction.atomic
def release_quarantine(quarantine_id: UUID, *, actor: User) -> Quarantine:
    """Let all that was kept out count, in one go: up to 500 reviews at once, more by a job right after.

    Released twice changes nothing. Raises NotFound, PermissionDenied, ConflictOfInterest,
    and InvalidTransition for one that was dropped.
    """
    return _close(quarantine_id, State.RELEASED, actor)


@transaction.atomic
def drop_quarantine(quarantine_id: UUID, *, actor: User) -> Quarantine:
    """Leave all that was kept out of the rating out for good. The texts stay, unless decided on one by one.

    Dropped twice changes nothing. Raises as ``release_quarantine``.
    """
    return _close(quarantine_id, State.DROPPED, actor)


def join_quarantine(review: Review) -> None:
    """Have a locked review, about to be published for the first time, join the open quarantine if there is one."""
    row = _lock_open(review.product_id)
    if row is not None:
        review.quarantine, review.quarantined_at = row, database_now()
        review.save(update_fields=["quarantine", "quarantined_at"])


def sweep(quarantine_id: UUID, *, after: UUID | None = None) -> UUID | None:
    """Bring the next ``AT_ONCE`` reviews, by id, into a quarantine; returns where to go on, None at the end.

    In the caller's transaction. Imported reviews are history and stay. Repeats harmlessly.
    """
    _take_turns(quarantine_id)
    row = Quarantine.objects.get(pk=quarantine_id)
    recent = Q(created_at__gte=row.since) | Q(moderated_at__gte=row.since) | Q(status=Review.Status.PENDING)
    reviews = Review.objects.live().filter(recent, product=row.product_id, quarantined_at=None, import_digest=None)
    if after is not None:
        reviews = reviews.filter(pk__gt=after)
    locked = reviews.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True)
    ids = list(locked[:AT_ONCE])
    row = Quarantine.objects.select_for_update(of=("self",), no_key=True).get(pk=quarantine_id)
    if row.state == State.RELEASED:
        return None
    until = row.decided_at or database_now()
    approved = ReviewRevision.objects.filter(Among("review", ids), state=ReviewRevision.State.APPROVED).order_by()
    firsts = approved.values("review").annotate(first=Min("decided_at"))
    kept_out = list(firsts.filter(first__gte=row.since, first__lte=until).values_list("review", flat=True))
    _move(row, kept_out, quarantined_at=database_now(), quarantine=row)
    return ids[-1] if len(ids) == AT_ONCE else None


def replay(quarantine_id: UUID) -> bool:
    """Let the next ``AT_ONCE`` reviews of a released quarantine count; whether there are more. Repeats harmlessly."""
    _take_turns(quarantine_id)
    row = Quarantine.objects.get(pk=quarantine_id, state=State.RELEASED)
    members = Review.objects.filter(quarantine=row).exclude(quarantined_at=None)
    locked = members.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True)
    ids = list(locked[:AT_ONCE])
    _move(row, ids, quarantined_at=None)
    return len(ids) == AT_ONCE


def _close(quarantine_id: UUID, state: Quarantine.State, actor: User) -> Quarantine:
    _take_turns(quarantine_id)
    rows = Quarantine.objects.select_for_update(of=("self",), no_key=True).select_related("product")
    row = rows.filter(pk=quarantine_id).first()
    if row is None:
        raise NotFound
    _check_actor(actor, row.product)
    if row.state == state:
        return row
    if not row.is_open:
        raise InvalidTransition("Somebody has decided about this quarantine already.")
    row.state, row.decided_at, row.decided_by = state, database_now(), actor
    row.save(update_fields=["state", "decided_at", "decided_by"])
    kept_out = Review.objects.filter(quarantine=row).exclude(quarantined_at=None).count()
    after = {"product": row.product_id, "reviews": kept_out}
    record(f"quarantine.{state}", row, actor=actor, before={"state": State.OPEN}, after={"state": state, **after})
    publish("reviews.quarantine_closed", quarantine_id=row.pk, product_id=row.product_id, outcome=str(state))
    if state == State.RELEASED and replay(row.pk):
        enqueue(replay_quarantine, quarantine_id=row.pk)
    return row


def _take_turns(quarantine_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"quarantine:{quarantine_id}"])


def _move(row: Quarantine, review_ids: list[UUID], **changes: Any) -> None:
    """Change locked reviews, and make the rating follow."""
    if not review_ids:
        return
    Review.objects.filter(Among("pk", review_ids)).update(**changes, updated_at=database_now())
    recount_stars([row.product_id])
    publish_many(
        "reviews.counted_changed", [{"review_id": review, "product_id": row.product_id} for review in review_ids]
    )


def _lock_open(product_id: UUID) -> Quarantine | None:
    open_ones = Quarantine.objects.filter(product=product_id, state=State.OPEN)
    return open_ones.select_for_update(of=("self",), no_key=True).first()


def _check_actor(actor: User | None, product: Product) -> None:
    if actor is None:
        return
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    if is_member(actor, product.vendor_id):
        raise ConflictOfInterest("You cannot decide about ratings of your own product.")
