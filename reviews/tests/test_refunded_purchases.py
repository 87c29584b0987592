"""Reviews of refunded purchases: readable, no longer counted; exact for many at once, and in races."""

import csv
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.derivations import wrong_statuses
from orders.models import Order, OrderItem, Refund
from orders.services import refund_items
from orders.tests.factories import OrderItemFactory, ProductFactory
from orders.tests.payment_factories import open_checkout, paid_order, tell
from reviews.errors import PurchaseRefunded
from reviews.models import ProductRating, Review
from reviews.reconcilers import StarCounters
from reviews.services import approve_review, submit_review
from reviews.services.purchase import eligibility
from reviews.services.refunds import follow_refunded_items
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, pending_review
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs


def give_back(item):
    """Refund an item by other ways than the provider."""
    refund_items(item.order, [item], reason=Refund.Reason.OPERATOR)
    run_due_jobs()


def stars(product):
    rating = ProductRating.objects.filter(product=product).first()
    return [getattr(rating, f"stars_{n}") for n in range(1, 6)] if rating else [0] * 5


def drifted():
    return list(StarCounters().drifted(list(ProductRating.objects.values_list("pk", flat=True))))


@pytest.mark.django_db
def test_the_review_of_a_refunded_item_stays_readable_and_counts_no_more():
    review = approved_review(rating=2)
    other = approved_review(delivered_purchase(product=review.product), rating=5)
    assert stars(review.product) == [0, 1, 0, 0, 1]

    give_back(review.order_item)

    review.refresh_from_db()
    item = OrderItem.objects.get(pk=review.order_item_id)
    assert review.purchase_refunded_at == item.refunded_at
    assert review.is_public
    assert stars(review.product) == [0, 0, 0, 0, 1]
    other.refresh_from_db()
    assert other.purchase_refunded_at is None
    assert Entry.objects.filter(verb="review.purchase_refunded", object_id=str(review.pk)).count() == 1
    assert follow_refunded_items([item.pk]) == 0
    assert not drifted()


@pytest.mark.django_db
def test_a_pending_review_of_a_refunded_item_is_marked_and_an_approval_counts_it_not():
    review = pending_review(rating=3)
    give_back(review.order_item)

    approve_review(review.pk, actor=None)

    assert stars(review.product) == [0] * 5
    assert Review.objects.get().purchase_refunded_at


def delivered_and_reviewed():
    """A delivered item for 10.00 with an approved review of four stars; its checkout and both."""
    checkout = open_checkout(bought={ProductFactory(price_cents=1_000, stock=1): 1})
    order = paid_order(checkout)
    item = order.items.get()
    OrderItem.objects.filter(pk=item.pk).update(fulfilment_status="delivered", delivered_at=order.placed_at)
    item.refresh_from_db()
    return checkout, item, approved_review(item, rating=4)


def tell_refund(checkout, name, amount, status="succeeded"):
    tell("refund.updated", checkout, id=f"re_{name}", amount=amount, status=status, created=1_790_000_000)


@pytest.mark.django_db
def test_a_review_counts_until_most_of_the_price_went_back_and_again_when_it_did_not():
    checkout, item, review = delivered_and_reviewed()
    seen = []
    for name, amount, status in [
        ("a", 500, "succeeded"), ("b", 299, "succeeded"), ("c", 1, "succeeded"), ("d", 200, "succeeded"),
        ("d", 200, "failed"), ("a", 500, "failed"), ("b", 299, "canceled"), ("c", 1, "failed"),
    ]:  # fmt: skip
        tell_refund(checkout, name, amount, status)
        review.refresh_from_db()
        seen.append((stars(item.product) == [0, 0, 0, 1, 0], review.purchase_refunded_at is None))

    counted, out = (True, True), (False, False)
    assert seen == [counted, counted, out, out, out, counted, counted, counted]
    assert list(StarCounters().drifted([item.product_id])) == []
    verbs = Entry.objects.filter(object_id=str(review.pk), verb__startswith="review.purchase").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["review.purchase_refunded", "review.purchase_kept"]


@pytest.mark.django_db
def test_what_was_mostly_refunded_cannot_be_reviewed_and_the_share_is_a_setting(settings):
    checkout, item, review = delivered_and_reviewed()
    Review.objects.filter(pk=review.pk).update(deleted_at=review.created_at)
    buyer = buyer_of(item)
    tell_refund(checkout, "a", 799)
    assert eligibility(buyer, item.product_id)["eligible"]

    tell_refund(checkout, "b", 1)
    assert eligibility(buyer, item.product_id)["code"] == "PURCHASE_REFUNDED"
    settings.REFUND_SHARE_UNCOUNTED = 81
    assert eligibility(buyer, item.product_id)["eligible"]


@pytest.mark.django_db
def test_reconcile_finds_and_mends_marks_that_do_not_fit_the_refunds(settings):
    checkout, item, review = delivered_and_reviewed()
    tell_refund(checkout, "a", 700)
    reconciler = StarCounters()
    settings.REFUND_SHARE_UNCOUNTED = 70

    [drift] = reconciler.drifted([item.product_id])
    assert drift.found["wrong_refund_marks"] == [str(item.pk)]
    assert reconciler.fix(drift)

    review.refresh_from_db()
    assert review.purchase_refunded_at
    assert stars(item.product) == [0] * 5
    assert list(reconciler.drifted([item.product_id])) == []


@pytest.mark.django_db(transaction=True)
def test_of_a_refund_and_a_review_at_once_no_counted_review_of_a_refunded_item_is_left():
    for _ in range(8):
        item = delivered_purchase()
        refund_items(item.order, [item], reason=Refund.Reason.OPERATOR)

        at_once(
            run_due_jobs,
            partial(
                submit_review,
                author=buyer_of(item),
                product_id=item.product_id,
                order_id=item.order_id,
                rating=1,
            ),
        )
        run_due_jobs()

        item.refresh_from_db()
        assert item.refunded_at
        assert not Review.objects.filter(order_item=item, purchase_refunded_at=None).exists()


@pytest.mark.django_db
def test_what_was_refunded_can_no_longer_be_reviewed():
    item = delivered_purchase()
    give_back(item)

    with pytest.raises(PurchaseRefunded):
        submit_review(author=buyer_of(item), product_id=item.product_id, order_id=item.order_id, rating=2)


@pytest.mark.django_db
def test_the_work_does_not_grow_with_the_number_of_reviews():
    product = ProductFactory()
    few = [approved_review(delivered_purchase(product=product)).order_item for _ in range(2)]
    many = [approved_review(delivered_purchase(product=product)).order_item for _ in range(6)]
    for item in [*few, *many]:
        OrderItem.objects.filter(pk=item.pk).update(refunded_at=item.order.placed_at)

    with CaptureQueriesContext(connection) as first:
        follow_refunded_items([item.pk for item in few])
    with CaptureQueriesContext(connection) as second:
        follow_refunded_items([item.pk for item in many])

    assert len(first) == len(second)


@pytest.mark.django_db
def test_three_hundred_orders_refunded_at_once_are_exact(tmp_path):
    products = [ProductFactory() for _ in range(5)]
    items = [OrderItemFactory(delivered=True, product=products[n % 5], unit_price_cents=1_000 + n) for n in range(300)]
    kept = [delivered_purchase(product=product) for product in products]
    reviewed = [*items[:40], *kept]
    for number, item in enumerate(reviewed):
        approved_review(item, rating=1 + number % 5)
    run_due_jobs()
    file = tmp_path / "refunds.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["order_id"], *([item.order_id] for item in items)])

    call_command("refund_orders", "--file", str(file), "--batch-size", "100")
    jobs = Job.objects.filter(kind="orders.send_refunds").count()
    run_due_jobs()

    assert jobs == 3
    assert Job.objects.filter(kind="reviews.mark_purchases_refunded").count() == 3
    assert Order.objects.filter(pk__in=[item.order_id for item in items], status="refunded").count() == 300
    assert all(item.refunded_cents == item.price_cents for item in OrderItem.objects.filter(refunded_at__isnull=False))
    assert OrderItem.objects.filter(refunded_at__isnull=False).count() == 300
    assert Review.objects.exclude(purchase_refunded_at=None).count() == 40
    assert sum(sum(stars(product)) for product in products) == len(kept)
    assert not drifted()
    assert Entry.objects.filter(verb="order_item.refunded").count() == 300
    assert not wrong_statuses([item.order_id for item in items])
