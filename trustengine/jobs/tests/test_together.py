"""Handlers that take all keys of a claim at once."""

import pytest

from trustengine.jobs.claims import claim
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, job, subscribe
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue_keys, publish, publish_many
from trustengine.jobs.sweep import return_expired_leases
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def test_one_run_serves_all_keys_of_a_claim_in_order():
    ran = []

    @job(together=True)
    def sum_up(keys):
        ran.append(list(keys))

    enqueue_keys(sum_up, ["b", "a", "b", "c"])

    assert run_due_jobs() == 4
    assert ran == [["a", "b", "c"]]
    assert not Job.objects.open().exists()


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
        Job.objects.filter(state="ready").update(run_at="2020-01-01T00:00:00Z")

    assert sorted(ran) == [["a"], ["b"]]
    assert list(Job.objects.open().values_list("key", "state")) == [("bad", "dead")]


def test_a_worker_that_dies_costs_all_keys_of_its_run_an_attempt():
    @job(together=True)
    def sum_up(keys):
        raise AssertionError("nobody runs it")

    enqueue_keys(sum_up, ["a", "b"])
    (taken,) = claim(handler_of(sum_up))
    Job.objects.update(lease_until="2020-01-01T00:00:00Z")

    assert len(taken.jobs) == 2
    assert return_expired_leases() == 2
    assert set(Job.objects.values_list("key", "state", "attempts")) == {("a", "ready", 1), ("b", "ready", 1)}


def test_a_drain_with_a_pace_lets_more_come_together(settings):
    """It ends by itself, having looked once more after the beat."""
    ran = []

    @job(together=True, pace=0.05)
    def sum_up(keys):
        if not ran:
            enqueue_keys(sum_up, ["later"])
        ran.append(list(keys))

    enqueue_keys(sum_up, ["first"])

    assert drain("jobs.sum_up") == 2
    assert ran == [["first"], ["later"]]


def test_an_event_without_a_key_is_no_news_for_whom_it_would_be_the_key():
    @subscribe("jobs.happened", key="thing")
    @job(together=True)
    def sum_up(keys):
        """Nothing."""

    publish("jobs.happened", thing=None)
    publish_many("jobs.happened", [{"thing": None}, {"thing": "a"}])

    assert list(Job.objects.values_list("key", flat=True)) == ["a"]


def test_what_runs_together_shares_a_transaction():
    with pytest.raises(ValueError, match="shares a transaction"):

        @job(together=True, atomic=False)
        def sum_up(keys):
            """Nothing."""
