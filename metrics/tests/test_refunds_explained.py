"""An order refunded as a whole leaves "Refunds 0.00" beside "Refunded 100 %": the dashboards say why."""

import pytest

from billing.tests import sales
from metrics.tests.test_pages import signed_in
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def test_refunds_and_refunded_are_explained_where_they_stand():
    vendor, member = sales.vendor(), UserFactory()
    Membership.objects.create(user=member, profile=vendor, role="owner")
    order = sales.paid_order(5_000, by=vendor)
    sales.refund(order, dict.fromkeys(order.items.all(), 5000))
    run_due_jobs()

    page = signed_in(member).get("/vendor/dashboard/")

    shown = {card.title: card for card in page.context["cards"]}
    assert shown["Refunds"].value.startswith("0.00")
    text = page.content.decode()
    assert "without orders refunded as a whole" in text
    assert "with orders refunded as a whole" in text
    assert "counts neither in Sales nor here" in text
