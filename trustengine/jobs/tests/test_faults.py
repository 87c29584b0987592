"""Whatever fails, every effect happens exactly once and nothing is lost. Real workers, real kills, a real Redis."""

import signal
import time
from collections import Counter
from uuid import UUID

import django_rq
import pytest
from django.db import transaction

from trustengine.jobs import bells
from trustengine.jobs.models import CronSlot, Job, JobQuerySet
from trustengine.jobs.services import enqueue, enqueue_keys
from trustengine.jobs.sweep import sweep
from trustengine.jobs.tests.effects import leave_mark, marks
from trustengine.jobs.tests.handlers import (
    Gate,
    count_facts_for_test,
    leave_mark_for_test,
    stop_halfway_for_test,
    take_time_for_test,
    touch_for_test,
)
from trustengine.jobs.tests.processes import HANDLERS, Crew, OwnRedis, wait_for
from trustengine.testing import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("messages", "impatience")]

DEFAULT = ("worker", "default")
HIGH = ("worker", "high")
SCHEDULER = ("scheduler",)
TIMED = "trustengine.jobs.tests.timed_handlers"
BURST = 50_000


@pytest.fixture
def impatience(settings):
    """For the sweeps of the tests themselves, as the processes have it."""
    settings.JOB_BACKOFF_SECONDS = 0.05


@pytest.fixture
def own_redis(settings):
    redis = OwnRedis()
    settings.REDIS_ADDRESS = redis.url
    yield redis
    redis.remove()


def enqueue_marks(*names: str) -> None:
    with transaction.atomic():
        for name in names:
            enqueue(leave_mark_for_test, name=name)


def ours() -> JobQuerySet:
    """Without those of the project's own schedules."""
    return Job.objects.filter(kind__endswith="_for_test")


def all_done() -> bool:
    return not ours().exclude(state=Job.State.DONE).exists()


def done() -> int:
    return ours().filter(state=Job.State.DONE).count()


def assert_each_once(names: list[str]) -> None:
    assert Counter(marks()) == Counter(names)
    assert len(set(names)) == len(names)


def attempts_of(job: Job) -> tuple[str, int]:
    job.refresh_from_db()
    return job.state, job.attempts


@pytest.mark.parametrize("gate", ["before", "after"])
def test_a_worker_killed_before_or_after_the_effects_of_its_job_leaves_them_once(gate, tmp_path):
    job = enqueue(stop_halfway_for_test, name="effect", gates=str(tmp_path))
    enqueue_marks("behind")
    if gate == "after":
        Gate(tmp_path, "before").open()

    with Crew(DEFAULT) as crew:
        wait_for(Gate(tmp_path, gate).is_reached, "the handler to get there")
        crew.kill()
        assert marks() in ([], ["behind"])
        for each in ("before", "after"):
            Gate(tmp_path, each).open()
        crew.see_to_it(all_done, "both jobs")

    assert_each_once(["effect", "behind"])
    assert attempts_of(job) == ("done", 2)


def test_workers_killed_at_any_moment_of_many_jobs_leave_each_effect_once():
    names = [str(number) for number in range(1_500)]
    enqueue_marks(*names)

    with Crew(DEFAULT, DEFAULT) as crew:
        for share in (200, 600, 1_000):
            crew.see_to_it(lambda share=share: done() >= share, f"{share} jobs")
            crew.kill(share % 2)
        crew.see_to_it(all_done, "every job")

    assert_each_once(names)


def test_jobs_that_waited_while_redis_was_flushed_are_run_and_their_worker_is_known_again(own_redis):
    with Crew(DEFAULT, REDIS_URL=own_redis.url) as crew:
        enqueue_marks("first")
        wait_for(all_done, "the worker to begin")
        crew.processes[0].send_signal(signal.SIGSTOP)
        names = [str(number) for number in range(50)]
        enqueue_marks(*names)
        django_rq.get_queue("default", connection=bells._redis(own_redis.url)).connection.flushall()
        crew.processes[0].send_signal(signal.SIGCONT)
        crew.see_to_it(all_done, "the jobs whose bell was flushed")
        wait_for(lambda: bells._redis(own_redis.url).smembers("rq:workers"), "the worker to register again")

    assert_each_once(["first", *names])
    assert crew.deaths == 0


def test_jobs_committed_while_redis_is_down_run_when_it_is_back_on_workers_that_stayed(own_redis):
    with Crew(DEFAULT, REDIS_URL=own_redis.url) as crew:
        with transaction.atomic():
            for number in range(6):
                enqueue(take_time_for_test, name=f"during {number}", seconds=0.2)
        wait_for(lambda: done() >= 1, "the worker to begin")
        own_redis.stop()

        began = time.monotonic()
        for number in range(20):
            enqueue_marks(f"down {number}")
        assert time.monotonic() - began < 2, "a commit waits for no Redis"
        wait_for(lambda: done() >= 6, "what was claimed before the outage")
        wait_for(lambda: time.monotonic() > began + 4, "an outage that the worker cannot overlook")

        own_redis.start()
        bells._silent_until = 0.0
        crew.see_to_it(all_done, "the jobs of the outage")

    assert_each_once([f"during {number}" for number in range(6)] + [f"down {number}" for number in range(20)])
    assert crew.deaths == 0


def test_two_schedulers_and_two_sweeps_at_once_open_each_slot_once_and_return_each_lease_once(tmp_path):
    names = [str(number) for number in range(30)]
    job = enqueue(stop_halfway_for_test, name="halfway", gates=str(tmp_path))
    enqueue_marks(*names)

    with Crew(DEFAULT, HIGH, HIGH, SCHEDULER, SCHEDULER, TEST_HANDLERS=f"{HANDLERS} {TIMED}") as crew:
        wait_for(Gate(tmp_path, "before").is_reached, "a worker to begin")
        crew.kill(0)
        for gate in ("before", "after"):
            Gate(tmp_path, gate).open()
        crew.see_to_it(lambda: CronSlot.objects.filter(schedule="chime").exists(), "the chime", sweeping=False)
        at_once(sweep, sweep)
        crew.see_to_it(all_done, "the jobs of the killed worker", sweeping=False)

    chimes = Job.objects.filter(kind="jobs.chime_for_test").count()
    slots = CronSlot.objects.filter(schedule="jobs.chime_for_test").count()
    effects = [mark for mark in marks() if mark.isdigit() or mark == "halfway"]
    assert chimes == slots == marks().count("chime")
    assert slots in {1, 2}, "a minute may have passed"
    assert Counter(effects) == Counter(["halfway", *names])
    assert attempts_of(job) == ("done", 2)


def test_a_job_that_kills_its_worker_ends_as_a_dead_letter_and_costs_no_other_an_attempt():
    before, behind = [f"before {n}" for n in range(5)], [f"behind {n}" for n in range(20)]
    with transaction.atomic():
        enqueue_marks(*before)
        poison = enqueue(leave_mark_for_test, name="poison", deadly=True)
        Job.objects.filter(pk=poison.pk).update(max_attempts=2)
        enqueue_marks(*behind)

    with Crew(DEFAULT, DEFAULT) as crew:
        crew.see_to_it(lambda: attempts_of(poison)[0] == "dead", "the end of the poison")
        crew.see_to_it(lambda: done() == len(before + behind), "the others")

    assert attempts_of(poison) == ("dead", 2)
    assert poison.error_details["type"] == "LeaseExpired"
    assert_each_once(before + behind)
    assert set(Job.objects.filter(state="done").values_list("attempts", flat=True)) == {1}
    assert crew.deaths == 2


def test_a_change_that_commits_during_a_coalesced_run_is_in_the_end_counted(tmp_path):
    leave_mark("fact")
    enqueue(count_facts_for_test, key=tmp_path)

    with Crew(DEFAULT, DEFAULT) as crew:
        wait_for(Gate(tmp_path, "counted").is_reached, "the first run to have counted")
        with transaction.atomic():
            leave_mark("fact")
            enqueue(count_facts_for_test, key=tmp_path)
        Gate(tmp_path, "counted").open()
        crew.see_to_it(all_done, "both runs")

    assert sorted(marks()) == ["fact", "fact", "total 2"]


def test_a_handler_that_outlives_its_lease_is_fenced_off(tmp_path):
    job = enqueue(stop_halfway_for_test, name="effect", gates=str(tmp_path))

    with Crew(DEFAULT) as crew:
        Gate(tmp_path, "before").open()
        wait_for(Gate(tmp_path, "after").is_reached, "the effect, not yet committed")
        frozen = crew.processes[0]
        frozen.send_signal(signal.SIGSTOP)
        first_token = token_of(job)
        Gate(tmp_path, "after").open()
        with Crew(DEFAULT) as second:
            second.see_to_it(all_done, "another worker to do it")
        assert_each_once(["effect"])

        frozen.send_signal(signal.SIGCONT)
        enqueue_marks("later")
        crew.see_to_it(all_done, "the frozen worker to go on")

    assert first_token is not None
    assert_each_once(["effect", "later"])
    assert attempts_of(job) == ("done", 2)
    assert crew.deaths == 0


def test_fifty_thousand_enqueues_of_one_kind_are_a_handful_of_messages(own_redis):
    keys = [str(number) for number in range(50)]
    with Crew(DEFAULT, REDIS_URL=own_redis.url) as crew:
        for _ in range(BURST // len(keys)):
            enqueue_keys(touch_for_test, keys)  # each call commits, and rings
        crew.see_to_it(all_done, "every job of the burst")

    assert Job.objects.filter(kind="jobs.touch_for_test").count() == BURST
    assert set(marks()) == set(keys)
    assert 0 < own_redis.pushes() < 100


def token_of(job: Job) -> UUID | None:
    return Job.objects.values_list("lease_token", flat=True).get(pk=job.pk)
