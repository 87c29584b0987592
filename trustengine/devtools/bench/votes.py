"""One viral review: votes counted in shards against the same with its own row updated at once."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from orders.models import Order, OrderItem, Product
from reviews.models import Review
from reviews.services import cast_vote
from trustengine.accounts.models import Profile, User
from trustengine.devtools.bench.rounds import Figures, Size, ratio, stopwatch

THREADS = (1, 8)

Vote = Callable[[UUID, User], None]


def measure(size: Size) -> Figures:
    """Votes a second by one and by eight threads, each vote by another user."""
    voters = User.objects.bulk_create(User(username=f"voter-{number}") for number in range(size.votes))
    figures = {}
    for threads in THREADS:
        sharded = _votes_per_second(_sharded, voters, threads)
        hot = _votes_per_second(_with_hot_row, voters, threads)
        figures[f"sharded_{threads}_per_second"] = sharded
        figures[f"hot_row_{threads}_per_second"] = hot
        figures[f"sharded_to_hot_row_{threads}"] = ratio(sharded, hot)
    return figures


def _sharded(review_id: UUID, voter: User) -> None:
    cast_vote(review_id, voter=voter, vote_type="helpful")


@transaction.atomic
def _with_hot_row(review_id: UUID, voter: User) -> None:
    """What an earlier design did: every voter waits for the one before to commit."""
    cast_vote(review_id, voter=voter, vote_type="helpful")
    Review.objects.filter(pk=review_id).update(helpful_votes=F("helpful_votes") + 1)


def _votes_per_second(vote: Vote, voters: Sequence[User], threads: int) -> float:
    review = _approved_review()
    ready = threading.Barrier(threads + 1)
    failures: list[Exception] = []

    def cast(share: Sequence[User]) -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            for voter in share:
                vote(review.pk, voter)
        except Exception as error:  # noqa: BLE001  # raised again by the main thread
            ready.abort()
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=cast, args=(voters[number::threads],)) for number in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    with stopwatch() as watch:
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]
    return watch.per_second(len(voters))


def _approved_review() -> Review:
    """A public review with the least around it that the database accepts."""
    now = timezone.now()
    author = User.objects.create()
    customer = Profile.objects.create(kind=Profile.Kind.CUSTOMER, user=author)
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    product = Product.objects.create(
        vendor=vendor, title="Viral", price_cents=100, currency=settings.MARKETPLACE_CURRENCY
    )
    order = Order.objects.create(customer=customer, currency=product.currency, day=timezone.localdate())
    item = OrderItem.objects.create(
        order=order,
        product=product,
        vendor=vendor,
        quantity=1,
        unit_price_cents=100,
        fulfilment_status=OrderItem.Fulfilment.DELIVERED,
        shipped_at=now - timedelta(days=2),
        delivered_at=now - timedelta(days=1),
    )
    return Review.objects.create(
        product=product,
        author=author,
        order_item=item,
        rating=5,
        status=Review.Status.APPROVED,
        verification=Review.Verification.DELIVERED,
    )
