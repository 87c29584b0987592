"""Notices and a mail server that is away, refuses, or has taken a mail that we did not mark."""

import pytest
from django.utils import timezone

from orders.models import Notice, Order, OrderItem
from orders.notices.following import send_notice
from orders.services.notices import note_items
from orders.tests.factories import OrderItemFactory
from orders.tests.mail_server import mail_server
from trustengine.accounts.tests.factories import UserFactory
from trustengine.jobs.models import Job
from trustengine.jobs.services import enqueue
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    with mail_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def notice() -> Notice:
    item = OrderItemFactory(order__buyer=UserFactory(email="ada@example.org"), fulfilment_status="shipped")
    OrderItem.objects.update(shipped_at=timezone.now())
    written = note_items(item.order_id, "shipped")
    assert written
    enqueue(send_notice, notice_id=written.pk)
    return written


def test_a_notice_reaches_the_mail_server_and_is_marked(server, notice):
    run_due_jobs()

    (message,) = server.messages
    assert (message["To"], message["Message-ID"].partition("@")[0]) == ("ada@example.org", f"<{notice.pk}")
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}
    notice.refresh_from_db()
    assert (notice.state, notice.outcome) == ("sent", "")
    assert notice.settled_at is not None


def test_while_the_mail_server_is_away_a_notice_waits_and_is_tried_again_later(settings, server, notice):
    settings.EMAIL_PORT, there = 1, settings.EMAIL_PORT

    run_due_jobs(failing=True)

    job = Job.objects.get(kind="orders.send_notice")
    assert (job.state, job.attempts, job.error_details["type"]) == ("ready", 1, "ConnectionRefusedError")
    assert job.run_at > job.created_at
    settings.EMAIL_PORT = there
    Job.objects.update(run_at=timezone.now())
    run_due_jobs()
    assert len(server.messages) == 1
    assert Notice.objects.get().state == "sent"


def test_an_address_that_the_server_will_never_take_is_not_tried_again(server, notice):
    server.refusal = "550 no such mailbox"

    run_due_jobs()

    assert Notice.objects.get().outcome == "refused"
    assert not server.messages


def test_an_address_that_it_does_not_take_now_is(server, notice):
    server.refusal = "451 try again later"

    run_due_jobs(failing=True)

    assert Notice.objects.get().state == "pending"
    assert Job.objects.get(kind="orders.send_notice").state == "ready"


def test_a_mail_that_was_sent_but_not_marked_goes_out_again_as_the_same_message(server, notice):
    run_due_jobs()
    Notice.objects.update(state="pending")  # as after a crash right before the mark

    enqueue(send_notice, notice_id=notice.pk)
    run_due_jobs()

    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_notice_that_is_sent_or_whose_order_is_gone_is_not_sent(server, notice):
    run_due_jobs()
    enqueue(send_notice, notice_id=notice.pk)
    enqueue(send_notice, notice_id=Order.objects.get().pk)

    run_due_jobs()

    assert len(server.messages) == 1
