from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.jobs.runner import drain_all
from trustengine.jobs.services import enqueue
from trustengine.operations import job_services
from trustengine.operations.job_services import bury_jobs, purge_jobs, retry_jobs
from trustengine.operations.tests.job_rows import dead_job, fail_for_test, waiting_job
from trustengine.testing import at_once


@pytest.mark.django_db
def test_a_dead_letter_that_is_retried_has_all_its_attempts_and_keeps_its_error():
    job, actor = dead_job(), StaffFactory()

    assert retry_jobs(Job.objects.all(), actor=actor) == 1

    job.refresh_from_db()
    assert (job.state, job.attempts, job.dead_letter_at) == ("ready", 0, None)
    assert job.error_details["type"] == "KeyError"
    assert Job.objects.due().get() == job


@pytest.mark.django_db
def test_every_retried_job_leaves_an_entry_that_says_who_and_what():
    jobs, actor = [dead_job(), dead_job()], StaffFactory()

    retry_jobs(Job.objects.all(), actor=actor, reason="staff_action")

    entries = Entry.objects.filter(verb="job.retried")
    assert {entry.object_id for entry in entries} == {str(job.pk) for job in jobs}
    assert {(entry.actor_id, entry.reason) for entry in entries} == {(actor.pk, "staff_action")}
    assert entries[0].before == {"state": "dead", "attempts": 8}
    assert entries[0].after == {"state": "ready", "attempts": 0}


@pytest.mark.django_db
def test_what_is_not_dead_is_not_retried_and_a_second_call_does_nothing():
    dead_job()
    waiting, running = waiting_job(attempts=2), running_job()

    assert retry_jobs(Job.objects.all(), actor=None) == 1
    assert retry_jobs(Job.objects.all(), actor=None) == 0

    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.attempts, running.state) == (2, "running")
    assert Entry.objects.filter(verb="job.retried").count() == 1


@pytest.mark.django_db(transaction=True)
def test_retried_jobs_ring_the_bell_of_their_kind_once(messages):
    for _ in range(3):
        dead_job(kind=handler_of(fail_for_test).kind)

    retry_jobs(Job.objects.all(), actor=None)

    assert messages() == [handler_of(fail_for_test).kind]


@pytest.mark.django_db
def test_more_jobs_than_a_batch_are_each_retried_once(monkeypatch):
    monkeypatch.setattr(job_services, "BATCH", 2)
    for _ in range(5):
        dead_job()

    assert retry_jobs(Job.objects.all(), actor=None) == 5
    assert Entry.objects.filter(verb="job.retried").count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_people_who_retry_at_once_retry_once():
    for _ in range(20):
        dead_job()

    counts = at_once(*[partial(retry_jobs, Job.objects.all(), actor=None)] * 3)

    assert sum(counts) == 20
    assert Entry.objects.filter(verb="job.retried").count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_retried_job_that_fails_again_dies_again_and_can_be_retried_again():
    enqueue(fail_for_test)
    drain_all()
    assert Job.objects.get().state == "dead"

    retry_jobs(Job.objects.all(), actor=None)
    drain_all()

    assert Job.objects.get().state == "dead"
    assert retry_jobs(Job.objects.all(), actor=None) == 1


@pytest.mark.django_db
def test_a_buried_job_is_run_by_nobody_and_tells_why_it_is_there():
    job, actor = waiting_job(), StaffFactory()

    assert bury_jobs(Job.objects.all(), actor=actor, reason="staff_action") == 1
    assert bury_jobs(Job.objects.all(), actor=actor, reason="staff_action") == 0

    job.refresh_from_db()
    assert (job.state, job.error_details["type"], job.error_details["buried"]) == ("dead", "Buried", "staff_action")
    assert job.dead_letter_at is not None
    entry = Entry.objects.get(verb="job.buried")
    assert (entry.actor_id, entry.reason) == (actor.pk, "staff_action")


@pytest.mark.django_db
def test_a_job_buried_after_a_failure_keeps_the_failure():
    job = waiting_job(attempts=1, error_details={"type": "KeyError", "message": "'language'"})

    bury_jobs(Job.objects.all(), actor=None, reason="staff_action")

    job.refresh_from_db()
    assert job.error_details["type"] == "KeyError"
    assert job.error_details["message"] == "'language'"


@pytest.mark.django_db
def test_a_job_that_runs_or_is_over_cannot_be_buried():
    running_job()
    waiting_job(state="done", finished_at=timezone.now())

    assert bury_jobs(Job.objects.all(), actor=None, reason="staff_action") == 0
    assert set(Job.objects.values_list("state", flat=True)) == {"running", "done"}


@pytest.mark.django_db
def test_purging_deletes_what_has_been_over_for_long_and_leaves_one_entry():
    long_ago = timezone.now() - timedelta(days=40)
    dead_job(dead_letter_at=long_ago)
    dead_job(dead_letter_at=long_ago)
    kept = {dead_job(), waiting_job(run_at=long_ago), waiting_job(state="done", finished_at=long_ago)}

    before = timezone.now() - timedelta(days=30)
    assert purge_jobs("dead", before=before, actor=None) == 2
    assert purge_jobs("dead", before=before, actor=None) == 0

    assert set(Job.objects.all()) == kept
    assert Entry.objects.get(verb="job.purged").after["deleted"] == 2


def running_job():
    return waiting_job(
        state="running", attempts=1, lease_token="0190c1a0-0000-7000-8000-000000000000", lease_until=timezone.now()
    )
