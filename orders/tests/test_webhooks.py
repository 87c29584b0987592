"""What the webhook takes and refuses. What follows from events: test_payments.py, test_reported_refunds.py."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders.models import Order, PaymentEvent, WebhookSecret
from orders.services.webhook_secrets import rotate_secret, signing_secret, valid_secrets
from orders.tests.payment_factories import event_body, open_checkout, post
from trustengine.api.refusals import REFUSALS
from trustengine.audit.models import Entry
from trustengine.jobs import bells
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs

SUCCEEDED = "payment_intent.succeeded"


def refusals():
    return REFUSALS.labels("INVALID_SIGNATURE")._value.get()


@pytest.mark.django_db
def test_a_signed_event_is_stored_with_a_job_and_answered_before_the_work_is_done():
    checkout = open_checkout()
    body = event_body(SUCCEEDED, checkout.payment_intent_id)

    answer = post(body)

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    event = PaymentEvent.objects.get()
    assert (event.pk, event.type, event.state) == (body["id"], SUCCEEDED, "received")
    assert (event.payment_intent_id, event.payload) == (checkout.payment_intent_id, body)
    assert Job.objects.get(kind="orders.process_payment").key == checkout.payment_intent_id
    assert not Order.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1,v1=00",
        "nonsense",
        "t=,v1=",
        "t=" + "9" * 5_000 + ",v1=00",
        "t=-5,v1=00",
        "v1=00",
        "t=1",
        "\u00e9",
    ],
)
def test_a_header_that_is_no_signature_is_refused_and_counted(header):
    before = refusals()

    answer = post(event_body(SUCCEEDED, "pi_1"), header=header)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_SIGNATURE")
    assert answer["Content-Type"] == "application/problem+json"
    assert refusals() == before + 1
    assert not PaymentEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "status"), [(0, 200), (290, 200), (-290, 200), (310, 400), (-310, 400), (10**6, 400), (-(10**6), 400)]
)
def test_a_signature_holds_for_five_minutes_either_way(age, status):
    assert post(event_body(SUCCEEDED, "pi_1"), age=age).status_code == status


@pytest.mark.django_db
def test_a_signature_by_another_secret_or_over_another_body_is_refused():
    signing_secret()
    assert post(event_body(SUCCEEDED, "pi_1"), secret="whsec_other").status_code == 400
    signed = post(event_body(SUCCEEDED, "pi_1")).wsgi_request.META["HTTP_STRIPE_SIGNATURE"]

    assert post(event_body(SUCCEEDED, "pi_1", amount=1), header=signed).json()["code"] == "INVALID_SIGNATURE"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"text"',
        "{}",
        '{"id": 5, "type": "x", "data": {"object": {}}}',
        '{"id": "", "type": "x", "data": {"object": {}}}',
        '{"id": "evt", "type": "", "data": {"object": {}}}',
        '{"id": "evt", "type": "x", "data": {"object": {"amount": 1e999}}}',
        '{"id": "evt", "type": "x", "data": {"object": {"amount": NaN}}}',
        '{"id": "evt", "type": "x", "data": {"object": {"a": "\\ud800"}}}',
        json.dumps({"id": "e" * 256, "type": "x", "data": {"object": {}}}),
        "[" * 10_000,
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body):
    answer = post(body)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert not PaymentEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "about",
    [
        {"id": None},
        {"id": 7},
        {"id": {"id": []}},
        {"id": "x" * 300},
        {"note": "\u0000"},
        {"amount": -1, "currency": 5},
        {"amount_received": "many"},
        {"amount_received": 10**100},
        {"amount_received": True, "currency": "\u0000"},
    ],
)
def test_whatever_a_signed_event_holds_it_is_taken_and_ends_in_a_state(about):
    checkout = open_checkout()
    body = event_body(SUCCEEDED, checkout.payment_intent_id)
    body["data"]["object"] |= about

    assert post(body).status_code == 200
    run_due_jobs()

    assert PaymentEvent.objects.get().state in {"ignored", "failed", "processed"}


@pytest.mark.django_db
def test_of_a_type_that_concerns_us_not_only_its_coming_is_kept():
    post(event_body("customer.created", "", email="ada@example.org"))

    event = PaymentEvent.objects.get()
    assert (event.state, event.payload) == ("ignored", {})
    assert not Job.objects.filter(kind="orders.process_payment").exists()


THIN = {
    "id": "evt_test_61",
    "object": "v2.core.event",
    "type": "v2.money_management.payout_method.updated",
    "created": "2026-02-03T04:05:06.789Z",
    "related_object": {"id": "x_1", "type": "thing", "url": "/v2/things/x_1"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("type_", [SUCCEEDED, "charge.refunded", "refund.created", "charge.dispute.closed", "x.y"])
@pytest.mark.parametrize(
    "odd",
    [
        {"data": None},
        {"data": {}},
        {"data": {"object": []}},
        {"data": {"object": None}},
        {"data": {"object": {"object": "a_new_kind_of_thing"}}},
        {"api_version": None, "created": None, "livemode": True},
        {"api_version": "2035-01-01.zinnia", "account": "acct_1", "context": "acct_2"},
        {"created": "2026-02-03T04:05:06Z", "data": {"object": {"test_clock": "clock_1"}}},
        {"created": "2026-02-03 soon", "request": None, "pending_webhooks": -1},
        {"created": -7, "object": 5},
    ],
)
def test_a_signed_event_from_which_nothing_can_follow_is_taken_and_ignored(type_, odd):
    body = event_body(type_, "", id=None, payment_intent=None) | odd

    assert post(body).status_code == 200
    run_due_jobs()
    assert PaymentEvent.objects.get().state == "ignored"


@pytest.mark.django_db
def test_a_thin_event_is_taken_once_and_ignored():
    assert [post(THIN).status_code for _ in range(2)] == [200, 200]

    event = PaymentEvent.objects.get()
    assert (event.state, event.payload, event.made_at.isoformat()) == (
        "ignored",
        {},
        "2026-02-03T04:05:06.789000+00:00",
    )
    assert not Job.objects.filter(kind="orders.process_payment").exists()


@pytest.mark.django_db
def test_an_event_of_a_connected_account_does_not_wait_for_a_checkout():
    post(event_body(SUCCEEDED, "pi_of_somebody") | {"account": "acct_1"})
    run_due_jobs()

    assert PaymentEvent.objects.get().state == "ignored"


@pytest.mark.django_db
def test_a_body_beyond_the_limit_and_another_media_type_are_refused():
    assert post(event_body(SUCCEEDED, "pi_1", note="x" * 1_048_576)).status_code == 413
    from trustengine.testing import api_client_for

    answer = api_client_for().generic("POST", "/api/v1/webhooks/stripe/", b"a=b", "text/plain")
    assert answer.status_code == 415


@pytest.mark.django_db
def test_while_read_only_the_provider_is_told_to_come_again(settings):
    settings.READ_ONLY = True

    answer = post(event_body(SUCCEEDED, "pi_1"), secret="whsec_any")

    assert (answer.status_code, answer.json()["code"]) == (503, "READ_ONLY_MODE")


@pytest.mark.django_db(transaction=True)
def test_fifty_deliveries_of_one_event_at_once_are_taken_once_and_make_one_order():
    checkout = open_checkout()
    body = event_body(SUCCEEDED, checkout.payment_intent_id, amount_received=checkout.amount_cents)
    secret = signing_secret()

    answers = at_once(*[partial(post, body, secret=secret)] * 50)

    assert {answer.status_code for answer in answers} == {200}
    assert PaymentEvent.objects.count() == 1
    assert Job.objects.filter(kind="orders.process_payment").count() == 1
    run_due_jobs()
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_redis_an_event_is_taken_and_its_work_done_later(settings, tmp_path):
    checkout = open_checkout()
    settings.REDIS_ADDRESS = f"unix://{tmp_path}/nobody.sock?socket_connect_timeout=0.25&socket_timeout=0.25"
    bells._silent_until = 0.0
    try:
        answer = post(event_body(SUCCEEDED, checkout.payment_intent_id))
        run_due_jobs()
    finally:
        bells._silent_until = 0.0

    assert answer.status_code == 200
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_after_a_rotation_both_secrets_are_valid_until_the_former_retires():
    former = signing_secret()
    fresh = rotate_secret(keep=timedelta(hours=24))

    assert valid_secrets() == [fresh, former]
    assert post(event_body(SUCCEEDED, "pi_1"), secret=former).status_code == 200
    assert post(event_body(SUCCEEDED, "pi_1"), secret=fresh).status_code == 200

    WebhookSecret.objects.filter(secret=former).update(retires_at=timezone.now())
    assert post(event_body(SUCCEEDED, "pi_1"), secret=former).status_code == 400
    assert post(event_body(SUCCEEDED, "pi_1"), secret=fresh).status_code == 200


@pytest.mark.django_db
def test_secrets_of_the_environment_are_the_only_ones_and_each_is_valid(settings):
    kept = signing_secret()
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_one", "whsec_two"]

    for secret, status in (("whsec_one", 200), ("whsec_two", 200), (kept, 400)):
        assert post(event_body(SUCCEEDED, "pi_1"), secret=secret).status_code == status
    with pytest.raises(CommandError, match="STRIPE_WEBHOOK_SECRET") as refusal:
        call_command("rotate_webhook_secret")
    assert refusal.value.returncode == 2


@pytest.mark.django_db
def test_the_command_shows_a_new_secret_once_and_the_audit_never(capsys):
    call_command("rotate_webhook_secret", "--keep-hours", "1")

    [secret] = valid_secrets()
    assert secret in capsys.readouterr().out
    [entry] = Entry.objects.filter(verb="webhook_secret.made")
    assert secret not in json.dumps([entry.before, entry.after, entry.object_id])


@pytest.mark.django_db
def test_the_command_takes_the_secret_that_the_provider_shows(monkeypatch, capsys):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("whsec_from_the_provider_1\n"))
    call_command("rotate_webhook_secret", "--read")

    assert valid_secrets() == ["whsec_from_the_provider_1"]
    assert "whsec_from_the_provider_1" not in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_a_first_secret_asked_for_by_many_at_once_is_one():
    assert len(set(at_once(*[signing_secret] * 8))) == 1
