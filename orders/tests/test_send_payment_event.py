"""The command for trials, against a system that really listens."""

import io

import pytest
from django.core.management import CommandError, call_command

from orders.models import Dispute, Order, PaymentEvent
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import open_checkout
from trustengine.testing import run_due_jobs


@pytest.fixture
def send(live_server):
    """Run the command; its output and exit code."""

    def run(type_, *options, url=live_server.url):
        output, code = io.StringIO(), 0
        try:
            call_command("send_payment_event", type_, "--url", url, *options, stdout=output, stderr=output)
        except SystemExit as leaving:
            code = leaving.code
        run_due_jobs()
        return output.getvalue(), code

    return run


@pytest.mark.django_db(transaction=True)
def test_a_payment_its_refunds_and_its_dispute_can_be_tried_out(send):
    cheap, dear = ProductFactory(price_cents=300), ProductFactory(price_cents=900)
    checkout = open_checkout(bought={cheap: 1, dear: 2})
    intent = ("--intent", checkout.payment_intent_id)

    told, code = send("payment_intent.succeeded", *intent, "--event-id", "evt_mine")
    assert (code, "evt_mine" in told, "200" in told) == (0, True, True)
    order = Order.objects.get()
    assert PaymentEvent.objects.get(pk="evt_mine").state == "processed"

    items = {item.product: item for item in order.items.all()}
    send("charge.refunded", *intent, "--items", str(items[cheap].pk))
    send("charge.dispute.created", *intent)
    send("charge.dispute.closed", *intent, "--status", "lost")
    order.refresh_from_db()
    assert [item.refunded_cents for item in order.items.order_by("unit_price_cents")] == [300, 0]
    assert Dispute.objects.get().outcome == "lost"

    send("charge.refunded", *intent, "--amount", "500")
    assert [item.refunded_cents for item in order.items.order_by("unit_price_cents")] == [300, 200]
    send("charge.refunded", *intent)
    order.refresh_from_db()
    assert order.status == "refunded"


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_ends_in_exit_code_1_and_says_why(send):
    told, code = send("payment_intent.succeeded", "--intent", "pi_1", "--age", "400")
    assert (code, "INVALID_SIGNATURE" in told, "no checkout has the payment" in told) == (1, True, True)
    told, code = send("payment_intent.succeeded", "--intent", "pi_1", "--secret", "whsec_wrong")
    assert (code, "INVALID_SIGNATURE" in told) == (1, True)


@pytest.mark.django_db
def test_nobody_there_and_no_address_are_told_in_one_line():
    with pytest.raises(CommandError, match="nobody answers") as failure:
        call_command("send_payment_event", "charge.refunded", "--intent", "pi", "--url", "http://127.0.0.1:9")
    assert failure.value.returncode == 1
    with pytest.raises(CommandError, match="http://") as failure:
        call_command("send_payment_event", "charge.refunded", "--intent", "pi", "--url", "file:///etc/passwd")
    assert failure.value.returncode == 2
