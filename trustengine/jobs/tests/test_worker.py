"""Real worker processes on the test's own database and Redis."""

import signal

import pytest
from django.db import connection, transaction

from trustengine.jobs import bells
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.services import enqueue
from trustengine.jobs.sweep import sweep
from trustengine.jobs.tests.handlers import leave_mark_for_test, take_time_for_test
from trustengine.jobs.tests.processes import wait_for, worker
from trustengine.testing import PATIENCE


def marked(name: str) -> bool:
    return CronSlot.objects.filter(schedule=name).exists()


def states() -> list[tuple[str, int]]:
    return list(Job.objects.order_by("pk").values_list("state", "attempts"))


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("messages")]


def test_a_worker_runs_what_was_committed_and_leaves_when_the_queue_is_empty():
    with transaction.atomic():
        for n in range(150):
            enqueue(leave_mark_for_test, name=str(n))

    with worker("default", "--burst") as process:
        assert process.wait(PATIENCE) == 0

    assert CronSlot.objects.count() == 150
    assert set(states()) == {("done", 1)}


def test_a_job_whose_bell_redis_never_heard_runs_after_the_next_sweep(dead_redis, settings):
    enqueue(leave_mark_for_test, name="late")
    settings.REDIS_ADDRESS = settings.RQ_QUEUES["default"]["URL"]
    bells._silent_until = 0.0
    sweep()

    with worker("default", "--burst") as process:
        assert process.wait(PATIENCE) == 0

    assert marked("late")


def test_a_worker_told_to_end_finishes_its_job_and_gives_the_rest_back():
    with transaction.atomic():
        for n in range(30):
            enqueue(take_time_for_test, name=str(n), seconds=0.5)

    with worker("default") as process:
        wait_for(lambda: ("running", 1) in states(), "the worker to begin")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0

    found = states()
    assert found[0] == ("done", 1)
    assert found[-1] == ("ready", 0)
    assert {state for state, _ in found} == {"done", "ready"}


def test_a_worker_does_not_notice_that_its_database_connection_was_cut_meanwhile():
    with worker("default") as process:
        enqueue(leave_mark_for_test, name="before")
        wait_for(lambda: marked("before"), "the first job")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        enqueue(leave_mark_for_test, name="after")
        wait_for(lambda: marked("after"), "the job after the cut, without a sweep")

        process.send_signal(signal.SIGTERM)  # while it is idle
        assert process.wait(PATIENCE) == 0


def test_jobs_of_a_killed_worker_run_once_their_lease_has_expired():
    with transaction.atomic():
        for n in range(3):
            enqueue(take_time_for_test, name=str(n), seconds=0.4)
    with worker("default") as process:
        wait_for(lambda: ("running", 1) in states(), "the worker to begin")
        process.kill()

    Job.objects.filter(state="running").update(lease_until="2000-01-01T00:00Z")
    sweep()
    Job.objects.filter(state="ready").update(run_at="2000-01-01T00:00Z")
    sweep()
    with worker("default", "--burst") as second:
        assert second.wait(PATIENCE) == 0

    assert {state for state, _ in states()} == {"done"}
    assert CronSlot.objects.count() == 3, "what the killed worker had half done was rolled back"
