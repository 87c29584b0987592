from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import REGISTRY

from trustengine.jobs.models import Job
from trustengine.jobs.registry import RunLater, job
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue
from trustengine.jobs.tests.effects import leave_mark, marks, meanwhile
from trustengine.testing import run_due_jobs


@pytest.mark.django_db
def test_a_job_that_asks_to_run_later_keeps_its_attempts_and_leaves_no_effect():
    @job(max_attempts=1)
    def work():
        leave_mark("half")
        raise RunLater(90)

    enqueue(work)
    assert run_due_jobs() == 1

    row = Job.objects.get()
    assert (row.state, row.attempts, row.lease_token, row.lease_until, row.error_details) == ("ready", 0, *[None] * 3)
    assert timedelta(seconds=85) < row.run_at - timezone.now() <= timedelta(seconds=90)
    assert marks() == []


@pytest.mark.django_db
def test_a_job_that_was_put_off_more_often_than_it_has_attempts_is_done_in_the_end():
    @job(max_attempts=2)
    def work():
        leave_mark("asked")
        if len(marks()) < 5:
            raise RunLater(60)

    work_outside = job(atomic=False, max_attempts=2)(work)
    enqueue(work_outside)
    for _ in range(5):
        run_due_jobs()
        Job.objects.filter(state="ready").update(run_at=Now())

    assert len(marks()) == 5, "outside of a transaction effects stay"
    assert Job.objects.values_list("state", "attempts").get() == ("done", 1)


@pytest.mark.django_db
def test_a_failure_before_is_remembered_while_a_job_is_put_off():
    @job()
    def work():
        if Job.objects.get().attempts == 1:
            raise ValueError
        raise RunLater(60)

    enqueue(work)
    run_due_jobs(failing=True)
    Job.objects.update(run_at=Now())
    drain("jobs.work")

    row = Job.objects.get()
    assert (row.state, row.attempts, row.error_details["type"]) == ("ready", 1, "ValueError")


@pytest.mark.django_db
def test_all_jobs_of_a_key_are_put_off_together_and_those_of_others_run():
    @job(coalesce=True)
    def fold(key):
        if key == "busy":
            raise RunLater(60)
        leave_mark(key)

    for key in ("busy", "free", "busy"):
        enqueue(fold, key=key)
    run_due_jobs()

    assert marks() == ["free"]
    waiting = Job.objects.filter(state="ready", run_at__gt=Now(), attempts=0)
    assert set(waiting.values_list("key", flat=True)) == {"busy"}
    assert waiting.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_job_that_another_worker_has_taken_over_is_not_put_off_by_the_former_one():
    other = uuid4()

    @job()
    def work():
        meanwhile(partial(Job.objects.update, lease_token=other, attempts=2))
        raise RunLater(60)

    enqueue(work)
    drain("jobs.work")

    row = Job.objects.get()
    assert (row.state, row.lease_token, row.attempts) == ("running", other, 2)
    assert row.run_at < timezone.now()


@pytest.mark.django_db
def test_putting_off_is_counted_as_such_and_not_as_a_failure():
    @job()
    def put_off_for_counting():
        raise RunLater(60)

    enqueue(put_off_for_counting)
    run_due_jobs()

    def runs(outcome):
        labels = {"kind": "jobs.put_off_for_counting", "outcome": outcome}
        return REGISTRY.get_sample_value("trustengine_job_runs_total", labels)

    assert (runs("put_off"), runs("failed")) == (1, None)
