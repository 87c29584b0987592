"""Background work of the reviews app. Each handler takes a key and recomputes, so a repeat is harmless."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from orders.models import Order, OrderItem
from reviews.models import Restriction, Review, ReviewPhoto, ReviewRevision
from reviews.models.photo import thumbnail_name
from reviews.pacing import fold, forget_cold
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled, subscribe
from trustengine.jobs.services import enqueue, enqueue_keys

BATCH = 500
# A vote that began before its review was withdrawn has ended by then, whatever became of it.
CROSSED = timedelta(minutes=5)
# Helpfulness changes with each vote, and a reputation hardly at all.
VOTES_MATTER_EVERY = timedelta(minutes=15)
TRENDS_AFTER = timedelta(seconds=20)
FORGOTTEN_AT_ONCE = 2_000


@job(queue="high", coalesce=True)
def screen_review(key: str) -> None:
    """Run the automatic checks over what waits in a review, and approve it where the policy says so."""
    from reviews.screening import screen  # the services it decides through enqueue this very job

    screen(UUID(key))


@job(queue="low", atomic=False)
def ask_for_opinion(opinion_id: str) -> str:
    """Ask the outside moderation model about a text that waits for screening."""
    from reviews.services.opinions import ask

    return ask(UUID(opinion_id))


@job(queue="high", coalesce=True)
def screen_reply(key: str) -> None:
    """Run the automatic checks over what waits in a vendor's reply."""
    from reviews.screening.replies import screen_reply as screen

    screen(UUID(key))


@scheduled("* * * * *")
@job(queue="default")
def find_expired_restrictions() -> dict[str, int]:
    """Have every restriction lifted whose time is over, each in a job and a transaction of its own."""
    expired = Restriction.objects.active().filter(expires_at__lte=database_now())
    return {"expired": enqueue_keys(expire_restriction, expired.values_list("pk", flat=True))}


@job(queue="default", coalesce=True)
def expire_restriction(key: str) -> None:
    """Lift one restriction whose time is over."""
    from reviews.services.restriction import expire_restriction as expire

    expire(UUID(key))


@job(queue="low", coalesce=True)
def make_thumbnail(key: str) -> None:
    """Store the small version of a photo, if the photo is still there."""
    from reviews import files
    from reviews.imaging import thumbnail_of

    photo = ReviewPhoto.objects.filter(pk=key).first()
    if photo is None or (data := files.read(photo.name)) is None:
        return
    files.store(thumbnail_name(photo.name), thumbnail_of(data))
    ReviewPhoto.objects.filter(pk=key).update(has_thumbnail=True)


@subscribe("reviews.review_withdrawn", key="review_id")
@job(queue="low", coalesce=True)
def delete_photos(key: str) -> None:
    """Delete the photos of a review that its author has withdrawn."""
    from reviews.services.photos import delete_photos_of

    delete_photos_of(UUID(key))


@job(queue="low", atomic=False)
def delete_files(names: list[str]) -> None:
    """Delete files whose rows are gone. Those of a row that is there are left alone."""
    from reviews import files

    kept = {name for photo in ReviewPhoto.objects.filter(name__in=names) for name in photo.files}
    for name in names:
        if name not in kept:
            files.delete(name)


@scheduled("23 * * * *")
@job(queue="low", atomic=False)
def sweep_files() -> dict[str, int]:
    """Delete old files without a row, in one twenty-fourth of the folders."""
    from reviews.orphans import delete_orphans, folders_of

    return {"deleted": delete_orphans(folders_of(database_now().hour))}


@job(queue="default", coalesce=True)
def fold_votes(key: str) -> None:
    """Copy a review's shard totals into the review itself.

    Runs once for all votes of the review committed so far; the per-key lock that the
    runner holds makes a later run see a later state. A viral review waits for its turn.
    """
    review_id = UUID(key)
    moved, not_before = fold(review_id)
    if not_before:
        enqueue(fold_votes, key=key, run_at=not_before)
    if moved:
        author = Review.objects.filter(pk=review_id).values_list("author", flat=True).get()
        enqueue(recompute_reputation, key=author, run_at=next_turn(database_now()))


def next_turn(now: datetime) -> datetime:
    """The next full quarter of an hour: jobs put off until then meet, and run as one."""
    passed = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    return now - passed + VOTES_MATTER_EVERY


@subscribe("accounts.user_suspended", key="user_id")
@subscribe("accounts.user_reinstated", key="user_id")
@job(queue="default", coalesce=True, long=True)
def follow_standing(key: str) -> None:
    """Take the votes of a suspended user out of all counts, or put those of a reinstated one back, batch by batch."""
    from reviews.services import standing

    if standing.follow_standing(UUID(key), batch=BATCH) == BATCH:
        enqueue(follow_standing, key=key)


@subscribe("reviews.review_withdrawn", key="review_id")
@job(queue="low", coalesce=True, long=True)
def remove_votes(key: str) -> None:
    """Delete the votes on a withdrawn review, batch by batch, and once more those that crossed with the withdrawal."""
    from reviews.services.standing import remove_votes_on

    review = Review.objects.exclude(deleted_at=None).filter(pk=key).first()
    if review is None or review.deleted_at is None:
        return
    removed = remove_votes_on(review.pk, batch=BATCH)
    enqueue(fold_votes, key=key)
    if removed == BATCH:
        enqueue(remove_votes, key=key)
    elif database_now() < review.deleted_at + CROSSED:
        enqueue(remove_votes, key=key, run_at=review.deleted_at + CROSSED)


@scheduled("23 * * * *")
@job(queue="low")
def forget() -> dict[str, int]:
    """Blank where old votes came from, and drop measurements of reviews at rest."""
    from reviews.services.standing import forget_origins

    before = database_now() - timedelta(days=settings.ORIGIN_DAYS)
    return {
        "origins": _exhaust(lambda: forget_origins(before=before, batch=BATCH)),
        "heat": _exhaust(lambda: forget_cold(batch=BATCH)),
    }


@subscribe("orders.items_refunded")
@job(queue="default")
def mark_purchases_refunded(item_ids: Sequence[str]) -> int:
    """Take the reviews of refunded items out of their products' ratings, and back in where a refund was reversed."""
    from reviews.services.refunds import follow_refunded_items

    return follow_refunded_items([UUID(item) for item in item_ids])


@subscribe("reviews.review_decided", key="author_id")
@subscribe("reviews.strikes_changed", key="user_id")
@subscribe("accounts.user_suspended", key="user_id")
@subscribe("accounts.user_reinstated", key="user_id")
@job(queue="low", coalesce=True)
def recompute_reputation(key: str) -> None:
    """Derive an author's reputation from what is known of them."""
    from reviews.reputation import recompute

    recompute(UUID(key))


@job(queue="low", long=True)
def recompute_reputations(users: Sequence[str]) -> None:
    """The same for many, after an import: one job for a batch of authors rather than one for each."""
    from reviews.reputation import lock, recompute

    ids = sorted(UUID(user) for user in users)
    lock(ids)
    recompute(*ids)


@subscribe("orders.items_refunded")
@job(queue="low")
def follow_refunds(item_ids: Sequence[str], **_: Any) -> None:
    """A refund moves what its buyer's review says about them, and how much the product is in demand."""
    items = [UUID(item) for item in item_ids]
    authors = Review.objects.filter(Among("order_item", items)).values_list("author", flat=True)
    for author in sorted(set(authors)):
        enqueue(recompute_reputation, key=author, run_at=next_turn(database_now()))
    _refresh_soon(OrderItem.objects.filter(Among("pk", items)))


@scheduled("11 3 * * *")
@job(queue="low")
def let_time_pass() -> None:
    """Compute anew the reputations that time alone has changed: strikes run out, accounts get older."""
    from reviews.reputation import overdue

    for users in overdue(batch=BATCH):
        enqueue(recompute_reputations, users=users)


@subscribe("orders.order_placed")
@subscribe("orders.order_status_changed")
@job(queue="low")
def follow_sales(order_id: str, status: str | None = None, **_: Any) -> None:
    """Have the trends of a new or cancelled order's products computed anew."""
    if status in {None, Order.Status.CANCELLED}:
        _refresh_soon(OrderItem.objects.filter(order=UUID(order_id)))


def _refresh_soon(items: QuerySet[OrderItem]) -> None:
    """A little later, and then once for many orders: what sells best would else be counted most often."""
    soon = database_now() + TRENDS_AFTER
    for product in sorted(set(items.values_list("product", flat=True))):
        enqueue(refresh_trend, key=product, run_at=soon)


@subscribe("reviews.counted_changed", key="product_id")
@job(queue="low", coalesce=True)
def refresh_trend(key: str) -> None:
    """Derive how much a product is in demand from its recent sales and reviews."""
    from reviews.trends import refresh

    refresh([UUID(key)])


@scheduled("37 4 * * *")
@job(queue="low")
def refresh_trends(after: str = "") -> None:
    """Derive all trends anew, page by page: what has left the window goes, and whatever was missed is put right."""
    from reviews.trends import refresh_page

    last = refresh_page(UUID(after) if after else None, size=BATCH)
    if last:
        enqueue(refresh_trends, after=str(last))


@subscribe("reviews.rating_changed", key="product_id")
@subscribe("reviews.review_withdrawn", key="product_id")
@subscribe("reviews.visibility_changed", key="product_id")
@subscribe("reviews.reply_decided", key="product_id")
@subscribe("reviews.reply_withdrawn", key="product_id")
@subscribe("reviews.reply_visibility_changed", key="product_id")
@subscribe("orders.product_moderated", key="product_id")
@job(queue="high", coalesce=True)
def forget_stale_answers(key: str) -> None:
    """Take a product's pages out of the cache for outages: a text that was taken down must not come back with one."""
    from reviews.api.products import forget_stale_answers as forget

    forget(UUID(key))


def _exhaust(batch: Any) -> int:
    total = 0
    while done := batch():
        total += done
        if done < BATCH:
            break
    return total


@job(queue="high", long=True)
def sweep_quarantine(quarantine_id: str, after: str = "") -> None:
    """Bring into a quarantine what was approved for the first time since its burst began, a part at a time."""
    from reviews.services.quarantine import sweep

    following = sweep(UUID(quarantine_id), after=UUID(after) if after else None)
    if following is not None:
        enqueue(sweep_quarantine, quarantine_id=quarantine_id, after=following)


@job(queue="high", long=True)
def replay_quarantine(quarantine_id: str) -> None:
    """Let the reviews of a released quarantine count, a part at a time."""
    from reviews.services.quarantine import replay

    if replay(UUID(quarantine_id)):
        enqueue(replay_quarantine, quarantine_id=quarantine_id)


@scheduled("41 4 * * *")
@job(queue="low")
def forget_origins() -> None:
    """Forget where texts older than ``ORIGIN_DAYS`` came from, a part at a time."""
    before = database_now() - timedelta(days=settings.ORIGIN_DAYS)
    known = ReviewRevision.objects.filter(~Q(ip_hash="") | ~Q(agent_hash=""), created_at__lt=before)
    oldest = list(known.order_by("created_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if ReviewRevision.objects.filter(pk__in=oldest).update(ip_hash="", agent_hash=""):
        enqueue(forget_origins)
