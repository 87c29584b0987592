"""The filters of customers', authors' and vendors' lists: state, time and what else people look for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.models import Payout
from billing.tests.payout_factories import drafted, payable_vendor
from orders.models import Order
from orders.tests.factories import OrderFactory
from reports.models import Report
from reports.tests.factories import decided, moderator, reported
from reviews.models import Review
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


def shown(client, path, **query):
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["results"]]


def midnight(day):
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def test_orders_by_status_and_time():
    buyer = UserFactory()
    day = datetime(2026, 3, 10, tzinfo=UTC).date()
    moments = [midnight(day) - timedelta(seconds=1), midnight(day), midnight(day + timedelta(days=1))]
    orders = [OrderFactory(customer=buyer.customer_profile, placed_at=moment) for moment in moments]
    Order.objects.filter(pk=orders[1].pk).update(status="shipped")
    before, within, after = (str(order.pk) for order in orders)
    client = api_client_for(buyer)

    for query, expected in (
        ({"status": "shipped"}, [within]),
        ({"from": "2026-03-10"}, [after, within]),
        ({"to": "2026-03-10"}, [within, before]),
        ({"from": "2026-03-10", "to": "2026-03-10"}, [within]),
        ({"from": moments[2].isoformat()}, [after]),
        ({"to": moments[1].astimezone(UTC).isoformat().replace("+00:00", "Z")}, [before]),
        ({"status": "refunded"}, []),
    ):
        assert shown(client, "orders/", **query) == expected, query
    for query in ({"from": "2026-03-11", "to": "2026-03-10"}, {"from": "2026-02-30"}, {"to": "2026-03-10T08:00:00"}):
        assert client.get("/api/v1/orders/", query).status_code == 400, query


def test_own_reviews_by_state_stars_product_and_time():
    buyer = UserFactory()
    reviews = [approved_review(delivered_purchase(buyer), rating=stars) for stars in (5, 2)]
    Review.objects.filter(pk=reviews[1].pk).update(status="rejected", created_at=database_now() - timedelta(days=40))
    approved_review()
    five, two = (str(review.pk) for review in reviews)
    client = api_client_for(buyer)
    yesterday = str(timezone.localdate(database_now() - timedelta(days=1)))

    for query, expected in (
        ({"status": "approved"}, [five]),
        ({"state": "rejected"}, [two]),
        ({"rating": 2}, [two]),
        ({"rating": 5, "status": "rejected"}, []),
        ({"product": str(reviews[0].product_id)}, [five]),
        ({"from": yesterday}, [five]),
        ({"to": yesterday}, [two]),
        ({"verified": "true"}, [five, two]),
    ):
        assert shown(client, "me/reviews/", **query) == expected, query


def test_own_reports_and_decisions_by_state_content_and_time():
    review = approved_review()
    report = reported(review)
    withdrawn = reported(approved_review(), reporter=report.reporter)
    Report.objects.filter(pk=withdrawn.pk).update(status="withdrawn")
    decided(report.case, "hide", by=moderator())
    reporter, author = api_client_for(report.reporter), api_client_for(review.author)

    assert shown(reporter, "me/reports/", status="actioned") == [str(report.pk)]
    assert shown(reporter, "me/reports/", status="withdrawn") == [str(withdrawn.pk)]
    assert shown(reporter, "me/reports/", content_type="product") == []
    assert len(shown(reporter, "me/reports/", content_type="review", to="2099-12-31")) == 2
    assert shown(reporter, "me/reports/", to="2020-01-01") == []
    for query in ({"action": "hide"}, {"role": "author"}, {"content_id": str(review.pk)}, {"from": "2020-01-01"}):
        assert author.get("/api/v1/me/decisions/", query).status_code == 200
    assert shown(author, "me/decisions/", action="warn") == []


def test_payouts_by_state_and_time():
    vendor = payable_vendor(9_000)
    drafted(vendor)
    with every_row(Reason.TEST):
        Payout.objects.update(state="paid", booked_at=database_now(), settled_at=database_now())
    member = UserFactory()
    Membership.objects.create(user=member, profile=vendor, role="owner")
    client = api_client_for(member)
    run_due_jobs()

    assert len(shown(client, "vendor/payouts/", state="paid", **{"from": "2026-01-01", "to": "2099-12-31"})) == 1
    assert shown(client, "vendor/payouts/", to="2026-01-01") == []
    assert shown(client, "vendor/payouts/", state="failed") == []
