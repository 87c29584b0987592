"""What metering does by itself, as jobs; and what is left of somebody erased."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.gauges.usage import reservations_left
from billing.jobs.usage import change_subscriptions, close_usage, count_review, end_reservations, write_down_calls
from billing.models import Subscription, UsageReservation
from billing.services.quotas import reserve
from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited, reserved_of, told, used
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.identifiers import uuid7
from trustengine.jobs.registry import schedules
from trustengine.row_security import Reason, every_row
from trustengine.testing import run_due_jobs

JOBS = (change_subscriptions, close_usage, end_reservations, write_down_calls)


@pytest.mark.django_db
def test_all_of_them_are_scheduled_and_do_nothing_where_nothing_is_due():
    names = {schedule.name for schedule in schedules()}

    assert names >= {f"billing.{job.__name__}" for job in JOBS}
    assert [job() for job in JOBS] == [0] * len(JOBS)


@pytest.mark.django_db
def test_a_review_is_counted_once_however_often_the_job_runs():
    vendor, review = VendorFactory(), str(uuid7())

    assert [count_review(review_id=review, profile_id=str(vendor.pk)) for _ in range(2)] == [True, False]

    assert used(vendor, "reviews_collected") == 1


@pytest.mark.django_db(transaction=True)
def test_what_work_left_behind_is_given_back_and_shows_in_a_gauge():
    vendor = VendorFactory()
    limited(vendor, uploaded_bytes=100)
    reserve(vendor.pk, {"uploaded_bytes": 60})
    with every_row(Reason.TEST):
        UsageReservation.objects.update(expires_at=timezone.now() - timedelta(minutes=10))

    assert reservations_left() == 1
    assert end_reservations() == 1

    assert (reserved_of(vendor), reservations_left()) == (0, 0)


@pytest.mark.django_db
def test_of_somebody_erased_nothing_tells_when_they_did_what():
    user = UserFactory()
    profile = user.customer_profile
    limited(profile, uploaded_bytes=("soft", 100))
    record_events([event(profile, str(n), 90, "uploaded_bytes") for n in range(3)])

    request_erasure(user, actor=None)
    run_due_jobs()

    assert (told(profile), used(profile, "uploaded_bytes")) == (0, 0)
    with every_row(Reason.TEST):
        assert Subscription.objects.get(profile=profile).valid_to is not None
