"""Hard limits are never passed, whatever happens at once; soft ones warn, and marks are told once in a month."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from billing.errors import QuotaExceeded
from billing.models import UsageAlert, UsageReservation
from billing.services.quotas import expire_reservations, reserve, reserved
from billing.services.subscriptions import subscribe
from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited, published, reserved_of, used
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

BYTES = "uploaded_bytes"


def upload(vendor, name, size, *, wanted=None, fails=False):
    """Work that uses up bytes: reserves, works, and settles."""
    with reserved(vendor.pk, {BYTES: wanted or size}) as held:
        if fails:
            raise RuntimeError("the work has failed")
        with transaction.atomic():
            held.settle([event(vendor, name, size, BYTES)])


@pytest.fixture
def vendor():
    vendor = VendorFactory(owner=UserFactory(email="owner@example.org"))
    limited(vendor, uploaded_bytes=100)
    return vendor


@pytest.mark.django_db(transaction=True)
def test_work_is_counted_and_its_reservation_gone(vendor):
    upload(vendor, "1", 60)

    assert (used(vendor, BYTES), reserved_of(vendor)) == (60, 0)


@pytest.mark.django_db(transaction=True)
def test_what_does_not_fit_is_refused_before_the_work_and_says_what_is_left(vendor):
    upload(vendor, "1", 60)

    with pytest.raises(QuotaExceeded) as refusal:
        upload(vendor, "2", 41, fails=True)

    assert refusal.value.extra["left"] == 40
    wait = refusal.value.extra["resets_at"] - timezone.now()
    assert abs(int(refusal.value.headers["Retry-After"]) - wait.total_seconds()) < 5
    upload(vendor, "3", 40)
    assert (used(vendor, BYTES), reserved_of(vendor)) == (100, 0)


@pytest.mark.django_db(transaction=True)
def test_work_that_fails_gives_its_room_back(vendor):
    with pytest.raises(RuntimeError):
        upload(vendor, "1", 60, fails=True)

    assert (used(vendor, BYTES), reserved_of(vendor)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_work_that_turns_out_larger_than_the_room_is_refused_when_it_settles(vendor):
    with pytest.raises(QuotaExceeded):
        upload(vendor, "1", 101, wanted=90)

    assert (used(vendor, BYTES), reserved_of(vendor)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_work_at_once_never_passes_the_limit(vendor):
    outcomes = at_once(*[partial(upload, vendor, str(n), 30) for n in range(8)])

    assert sum(outcome is None for outcome in outcomes) == used(vendor, BYTES) // 30
    assert {type(outcome) for outcome in outcomes if outcome} == {QuotaExceeded}
    assert used(vendor, BYTES) <= 100
    assert reserved_of(vendor) == 0


@pytest.mark.django_db(transaction=True)
def test_the_room_of_a_process_that_died_is_free_when_its_reservation_ends(vendor, settings):
    reserve(vendor.pk, {BYTES: 90})
    with pytest.raises(QuotaExceeded):
        upload(vendor, "1", 20)

    with every_row(Reason.TEST):
        UsageReservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    upload(vendor, "1", 20)  # takes what has ended, also before the job has

    assert (used(vendor, BYTES), reserved_of(vendor), expire_reservations()) == (20, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_work_that_settles_after_its_reservation_has_ended_is_counted_once(vendor):
    with reserved(vendor.pk, {BYTES: 50}) as held:
        assert expire_reservations(timezone.now() + timedelta(hours=1)) == 1
        with transaction.atomic():
            held.settle([event(vendor, "1", 50, BYTES)])

    assert (used(vendor, BYTES), reserved_of(vendor)) == (50, 0)


@pytest.mark.django_db(transaction=True)
def test_inside_of_a_transaction_the_limit_holds_without_a_reservation(vendor):
    def keyed(name):
        with transaction.atomic():
            upload(vendor, name, 30)

    outcomes = at_once(*[partial(keyed, str(n)) for n in range(8)])

    assert {type(outcome) for outcome in outcomes if outcome} == {QuotaExceeded}
    assert (used(vendor, BYTES), reserved_of(vendor)) == (90, 0)


@pytest.mark.django_db(transaction=True)
def test_work_on_several_meters_at_once_takes_turns():
    vendor = VendorFactory()
    limited(vendor, uploaded_pages=10_000, uploaded_bytes=10_000)
    record_events([event(vendor, "first", 1, "uploaded_pages")])  # its row is the older one

    def work(name):
        for step in range(5):
            with reserved(vendor.pk, {BYTES: 5, "uploaded_pages": 1}) as held, transaction.atomic():
                told = [event(vendor, f"{name}-{step}-{meter}", 1, meter) for meter in ("uploaded_pages", BYTES)]
                held.settle(told)

    outcomes = at_once(*[partial(work, str(n)) for n in range(6)])

    assert outcomes == [None] * 6
    assert (used(vendor, BYTES), reserved_of(vendor), reserved_of(vendor, "uploaded_pages")) == (30, 0, 0)


@pytest.mark.django_db
def test_a_soft_limit_and_no_limit_refuse_nothing():
    vendor = VendorFactory()
    limited(vendor, uploaded_bytes=("soft", 10))

    upload(vendor, "1", 500)
    upload(VendorFactory(), "1", 500)

    assert used(vendor, BYTES) == 500


@pytest.mark.django_db
def test_what_has_happened_is_counted_beyond_a_hard_limit(vendor):
    record_events([event(vendor, "1", 500, BYTES)])

    assert used(vendor, BYTES) == 500


def marks(vendor):
    with every_row(Reason.TEST):
        alerts = UsageAlert.objects.filter(profile=vendor).order_by("percent")
        return list(alerts.values_list("percent", flat=True))


@pytest.mark.django_db
def test_each_mark_is_told_once_in_a_month(vendor):
    for step, quantity in enumerate([49, 1, 20, 10, 15, 5, 40, -60, 60]):
        record_events([event(vendor, str(step), quantity, BYTES)])
        run_due_jobs()

    assert marks(vendor) == [50, 80, 100]
    assert [message.subject for message in mail.outbox] == [f"{n} % used: Uploads" for n in (50, 80, 100)]
    assert {message.to[0] for message in mail.outbox} == {"owner@example.org"}
    assert "Used: 50 of 100 bytes" in mail.outbox[0].body
    assert "No more is taken until then" in mail.outbox[2].body


@pytest.mark.django_db
def test_a_leap_past_several_marks_is_one_mail(vendor):
    record_events([event(vendor, "1", 120, BYTES)])
    run_due_jobs()

    assert marks(vendor) == [50, 80, 100]
    assert [message.subject for message in mail.outbox] == ["100 % used: Uploads"]


@pytest.mark.django_db(transaction=True)
def test_a_mark_that_many_pass_at_once_is_told_once(vendor):
    at_once(*[partial(record_events, [event(vendor, str(n), 10, BYTES)]) for n in range(7)])
    run_due_jobs()

    assert marks(vendor) == [50]
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_mails_go_to_owners_who_are_there(vendor):
    UserFactory(email="nobody@example.org")
    owner = vendor.members.get()
    owner.suspended_at = timezone.now()
    owner.save()

    record_events([event(vendor, "1", 60, BYTES)])
    run_due_jobs()

    assert mail.outbox == []


@pytest.mark.django_db
def test_the_limits_of_the_plan_at_the_moment_hold(vendor):
    subscribe(vendor.pk, published("larger", uploaded_bytes=1_000).pk, actor=None)

    upload(vendor, "1", 600)

    assert marks(vendor) == [50]
