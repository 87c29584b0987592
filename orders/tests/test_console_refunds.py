"""Refunds and disputes in the console, and sending back what made no order."""

import pytest
from django.utils import timezone

from orders.models import Checkout, Dispute, Refund
from orders.tests.factories import CheckoutFactory, OrderItemFactory
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def test_refunds_and_disputes_are_listed_with_what_became_of_them(client):
    order = OrderItemFactory().order
    failed = {"state": "failed", "settled_at": timezone.now(), "failure": "charge_already_refunded"}
    Refund.objects.create(
        order=order, amount_cents=1_999, currency="EUR", reason="operator", provider="stripe", **failed
    )
    Dispute.objects.create(id="dp_1", order=order, amount_cents=1_999, reason="fraudulent", opened_at=timezone.now())
    client.force_login(StaffFactory(groups=["Finance"]))

    refunds = client.get("/admin/orders/refund/").content.decode()
    assert "failed: charge_already_refunded" in refunds
    assert "by an operator" in refunds
    assert "dp_1" in client.get("/admin/orders/dispute/?q=dp_1").content.decode()


@pytest.mark.parametrize(("group", "sent"), [("Finance", 1), ("Operators", 0)])
def test_money_that_made_no_order_is_sent_back_by_finance_alone_and_once(client, group, sent):
    checkout = CheckoutFactory(state=Checkout.State.REFUND_DUE, paid_cents=1_999)
    client.force_login(StaffFactory(groups=[group]))
    form = {"action": "send_back", "_selected_action": [str(checkout.pk)]}

    client.post("/admin/orders/checkout/", form)
    client.post("/admin/orders/checkout/", form)
    run_due_jobs()

    assert Refund.objects.count() == sent
    checkout.refresh_from_db()
    assert checkout.state == ("refunded" if sent else "refund_due")
