"""Mail stays within what its provider allows, where an operator has said what that is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import CapacityLease, ProviderEndpoint
from orders.models import Notice
from orders.notices.following import send_notice
from orders.tests.factories import OrderItemFactory
from orders.tests.mail_server import mail_server
from trustengine.accounts.tests.factories import UserFactory
from trustengine.jobs.models import Job
from trustengine.jobs.services import enqueue
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings):
    settings.EMAIL_BACKEND = "billing.mail.CapacityBackend"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    with mail_server() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


def write_notices(count):
    for number in range(count):
        item = OrderItemFactory(order__buyer=UserFactory(email=f"ada{number}@example.org"))
        order = item.order
        notice = Notice.objects.create(kind="confirmed", order=order, recipient=order.customer.user)
        enqueue(send_notice, notice_id=notice.pk)


def test_mails_beyond_the_limit_wait_and_lose_no_attempt(server):
    ProviderEndpoint.objects.create(provider="mail", endpoint="smtp", requests_per_minute=2)
    write_notices(3)

    run_due_jobs()

    assert len(server.messages) == 2
    waiting = Job.objects.get(kind="orders.send_notice", state="ready")
    assert waiting.attempts == 0
    assert timedelta(seconds=50) < waiting.run_at - timezone.now() <= timedelta(seconds=60)
    assert sorted(Notice.objects.values_list("state", flat=True)) == ["pending", "sent", "sent"]

    CapacityLease.objects.update(acquired_at=timezone.now() - timedelta(seconds=61))
    Job.objects.filter(pk=waiting.pk).update(run_at=timezone.now())
    run_due_jobs()
    assert len(server.messages) == 3


def test_without_such_a_row_mail_has_no_limit(server):
    write_notices(3)

    run_due_jobs()

    assert len(server.messages) == 3
    assert not CapacityLease.objects.exists()


def test_a_mail_that_the_server_refuses_gives_its_place_back(server):
    ProviderEndpoint.objects.create(provider="mail", endpoint="smtp", parallel_calls=1)
    server.refusal = "450 try later"
    write_notices(1)

    run_due_jobs(failing=True)

    assert CapacityLease.objects.values_list("state", flat=True).get() == "released"
    assert Job.objects.get(kind="orders.send_notice").attempts == 1
