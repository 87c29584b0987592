import threading
from functools import partial

import pytest

from trustengine.jobs.models import Job
from trustengine.jobs.registry import job
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue, enqueue_keys
from trustengine.jobs.tests.effects import leave_mark, marks, meanwhile
from trustengine.testing import PATIENCE, at_once, run_due_jobs


@pytest.mark.django_db
def test_one_run_serves_all_jobs_of_a_key():
    ran = []

    @job(coalesce=True)
    def fold(key):
        ran.append(key)

    enqueue_keys(fold, ["a"] * 50 + ["b"] * 50)
    assert run_due_jobs() == 100

    assert sorted(ran) == ["a", "b"]
    assert Job.objects.filter(state="done").count() == 100


@pytest.mark.django_db(transaction=True)
def test_a_job_that_commits_during_a_run_of_its_key_starts_another_run():
    ran = []

    @job(coalesce=True)
    def fold(key):
        if not ran:
            meanwhile(partial(enqueue, fold, key=key))
        ran.append(key)

    enqueue(fold, key="a")
    run_due_jobs()

    assert ran == ["a", "a"]
    assert not Job.objects.open().exists()


@pytest.mark.django_db(transaction=True)
def test_the_later_run_of_a_key_waits_for_the_earlier_and_sees_what_it_committed():
    earlier_runs, later_is_claimed = threading.Event(), threading.Event()
    seen = []

    @job(coalesce=True)
    def fold(key):
        seen.append(len(marks()))
        leave_mark("fold")
        if len(seen) == 1:
            earlier_runs.set()
            assert later_is_claimed.wait(PATIENCE)

    def later():
        assert earlier_runs.wait(PATIENCE)
        enqueue(fold, key="a")
        threading.Timer(0.2, later_is_claimed.set).start()  # by then it waits for the key
        return drain("jobs.fold")

    enqueue(fold, key="a")
    outcomes = at_once(partial(drain, "jobs.fold"), later)

    assert sum(outcomes) == 2
    assert seen == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_two_keys_run_side_by_side(settings):
    settings.JOB_BATCH_SIZE = 1  # so that one worker does not take both
    together = threading.Barrier(2)

    @job(coalesce=True)
    def fold(key):
        together.wait(PATIENCE)  # neither passes before the other has come

    def first_then_second(key):
        enqueue(fold, key=key)
        return drain("jobs.fold")

    outcomes = at_once(partial(first_then_second, "a"), partial(first_then_second, "b"))

    assert sum(outcomes) == 2
    assert not Job.objects.open().exists()
