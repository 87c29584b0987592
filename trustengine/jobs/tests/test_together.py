"""Handlers that take all keys that are due at once."""

import threading
import time

import django_rq
import pytest
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext

from trustengine.jobs import runner
from trustengine.jobs.batches import run_batch
from trustengine.jobs.models import Job
from trustengine.jobs.registry import RunLater, handler_of, job, subscribe
from trustengine.jobs.runner import drain
from trustengine.jobs.running import current_job_id
from trustengine.jobs.services import enqueue, enqueue_keys, publish, publish_many
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def nothing_has_run(monkeypatch):
    """These handlers share a name."""
    monkeypatch.setattr(runner, "_last_runs", {})


def test_one_run_serves_all_keys_in_order():
    ran = []

    @job(together=True)
    def sum_up(keys):
        ran.append((list(keys), current_job_id()))

    enqueue_keys(sum_up, ["b", "a", "b", "c"])

    assert run_due_jobs() == 4
    ((keys, running),) = ran
    assert keys == ["a", "b", "c"]
    assert running in Job.objects.values_list("pk", flat=True)
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}
    assert not Job.objects.filter(finished_at=None).exists()


def test_a_key_that_fails_is_tried_alone_and_the_others_are_served():
    ran = []

    @job(together=True, max_attempts=2)
    def sum_up(keys):
        if "bad" in keys:
            raise RuntimeError("no")
        ran.append(list(keys))

    enqueue_keys(sum_up, ["a", "bad", "b"])
    for _ in range(4):
        run_due_jobs(failing=True)
        Job.objects.filter(state="ready").update(run_at=LONG_AGO)

    assert sorted(ran) == [["a"], ["b"]]
    letter = Job.objects.open().get()
    assert (letter.key, letter.state, letter.attempts) == ("bad", "dead", 2)
    assert letter.error_details["type"] == "RuntimeError"
    assert letter.dead_letter_at


def test_who_may_fail_only_once_fails_for_nobody_else():
    ran = []

    @job(together=True, max_attempts=1)
    def sum_up(keys):
        ran.append(list(keys))
        if keys == ["a"]:
            raise RuntimeError("no")

    enqueue_keys(sum_up, ["a", "b"])
    run_due_jobs(failing=True)

    assert sorted(ran) == [["a"], ["b"]]
    assert list(Job.objects.open().values_list("key", "state")) == [("a", "dead")]


def test_what_cannot_be_done_yet_runs_later_and_costs_no_attempt():
    @job(together=True)
    def sum_up(keys):
        Job.objects.create(kind="jobs.effect", max_attempts=1)
        raise RunLater(60)

    enqueue_keys(sum_up, ["a", "b"])

    assert drain("jobs.sum_up") == 2
    assert not Job.objects.filter(kind="jobs.effect").exists()
    assert set(Job.objects.values_list("state", "attempts")) == {("ready", 0)}
    assert not Job.objects.due().exists()


@committed
def test_jobs_are_nobody_else_s_while_they_run_and_what_ends_the_process_leaves_them_ready():
    seen = []

    @job(together=True)
    def sum_up(keys):
        looker = threading.Thread(target=look)
        looker.start()
        looker.join()
        raise SystemExit

    def look():
        seen.extend(Job.objects.values_list("state", "attempts"))
        seen.append(run_batch(handler_of(sum_up)).size)
        connections.close_all()

    enqueue_keys(sum_up, ["a", "b"])
    with pytest.raises(SystemExit):
        drain("jobs.sum_up")

    assert seen == [("ready", 0), ("ready", 0), 0]
    assert set(Job.objects.values_list("state", "attempts")) == {("ready", 1)}


@committed
def test_the_first_run_is_at_once_and_the_next_a_beat_later_with_all_that_has_come(messages):
    ran = []

    @job(together=True, pace=0.2)
    def sum_up(keys):
        ran.append((time.monotonic(), list(keys)))

    for keys in (["first"], ["second", "third"]):
        enqueue_keys(sum_up, keys)
        django_rq.get_queue("default").empty()  # a worker has taken the message
        drain("jobs.sum_up")

    (first, one), (second, two) = ran
    assert (one, two) == (["first"], ["second", "third"])
    assert second - first > 0.15


@committed
def test_who_keeps_a_pace_does_not_keep_the_worker_from_another_kind(messages):
    ran = []

    @job()
    def other():
        """Nothing."""

    @job(together=True, pace=3_600)
    def sum_up(keys):
        ran.extend(keys)

    enqueue_keys(sum_up, ["first"])
    django_rq.get_queue("default").empty()
    drain("jobs.sum_up")
    enqueue_keys(sum_up, ["second"])
    django_rq.get_queue("default").empty()
    enqueue(other)
    drain("jobs.sum_up")

    assert ran == ["first", "second"]


@committed
def test_what_the_database_does_itself_is_one_statement():
    @job(together=True, in_database=lambda: ("%s / cardinality(keys)", [6]))
    def sum_up(keys):
        raise AssertionError("the database has done it")

    enqueue_keys(sum_up, ["a", "b", "b"])

    with CaptureQueriesContext(connection) as captured:
        assert drain("jobs.sum_up") == 3
    assert len(captured) == 1
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}
    assert drain("jobs.sum_up") == 0


@committed
def test_whom_the_database_refuses_is_told_by_the_handler_s_own_way():
    ran = []

    @job(together=True, max_attempts=2, in_database=lambda: ("%s / position('b' IN keys[1])", [6]))
    def sum_up(keys):
        ran.append(list(keys))
        if "a" in keys:
            raise DatabaseError("no")

    enqueue_keys(sum_up, ["a", "b"])
    for _ in range(4):
        drain("jobs.sum_up")
        Job.objects.filter(state="ready").update(run_at=LONG_AGO)

    assert ran == [["a", "b"], ["a"]]
    assert set(Job.objects.values_list("key", "state", "attempts")) == {("a", "dead", 2), ("b", "done", 2)}


def test_an_event_without_a_key_is_no_news_for_whom_it_would_be_the_key():
    @subscribe("jobs.happened", key="thing")
    @job(together=True)
    def sum_up(keys):
        """Nothing."""

    publish("jobs.happened", thing=None)
    publish_many("jobs.happened", [{"thing": None}, {"thing": "a"}])

    assert list(Job.objects.values_list("key", flat=True)) == ["a"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"together": True, "atomic": False}, "shares a transaction"),
        ({"pace": 1.0}, "keeps a pace"),
        ({"in_database": lambda: ("1", [])}, "in the database"),
    ],
)
def test_only_what_runs_together_may_say_how(options, problem):
    with pytest.raises(ValueError, match=problem):

        @job(**options)
        def sum_up(keys):
            """Nothing."""
