"""After a burst, a drain waits a moment for more, unless the worker is needed elsewhere."""

import django_rq
import pytest

from trustengine.jobs import runner
from trustengine.jobs.models import Job
from trustengine.jobs.registry import job
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue
from trustengine.testing import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def greet():
    @job()
    def greet():
        pass

    return greet


@pytest.fixture
def commits_while_waiting(monkeypatch, greet):
    """Let one more job be committed each time the drain looks up, twice."""
    looks = []

    def wait(seconds):
        looks.append(seconds)
        if len(looks) <= 2:
            enqueue(greet)
        return len(looks) > 2  # told to stop

    monkeypatch.setattr(runner.stop_requested, "wait", wait)
    return looks


def test_jobs_that_commit_shortly_after_the_others_join_their_drain(messages, greet, commits_while_waiting):
    enqueue(greet)
    django_rq.get_queue("default").empty()  # a worker has taken the message, and drains

    assert drain("jobs.greet", linger=PATIENCE) == 3
    assert not Job.objects.open().exists()


def test_a_drain_leaves_at_once_while_another_kind_waits_for_the_worker(messages, greet, commits_while_waiting):
    @job()
    def other():
        pass

    enqueue(other)
    enqueue(greet)

    assert drain("jobs.greet", linger=PATIENCE) == 1
    assert commits_while_waiting == []


def test_a_drain_that_found_nothing_does_not_linger(messages, greet, commits_while_waiting):
    assert drain("jobs.greet", linger=PATIENCE) == 0
    assert commits_while_waiting == []


def test_a_drain_does_not_linger_while_redis_is_away(greet, dead_redis, commits_while_waiting):
    enqueue(greet)

    assert drain("jobs.greet", linger=PATIENCE) == 1
    assert commits_while_waiting == []
