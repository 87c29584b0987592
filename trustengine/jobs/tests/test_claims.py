from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from trustengine.jobs.claims import LeaseLost, backoff, claim, complete, fail, give_back, renew
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, job
from trustengine.jobs.services import enqueue, enqueue_keys
from trustengine.jobs.sweep import return_expired_leases
from trustengine.testing import at_once


@pytest.fixture
def note():
    @job()
    def note(n=0):
        pass

    return note


@pytest.fixture
def fold():
    @job(coalesce=True)
    def fold(key):
        pass

    return fold


def claimed(function):
    """What one claim takes, as lists of the runs' jobs."""
    return [list(taken.jobs) for taken in claim(handler_of(function))]


def numbers(function):
    return [job.args["n"] for jobs in claimed(function) for job in jobs]


def forget_leases():
    """Let a worker have fallen silent."""
    Job.objects.filter(state="running").update(lease_until=Now() - timedelta(seconds=1))


def now_due():
    Job.objects.filter(state="ready").update(run_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_the_most_urgent_job_is_claimed_first_then_the_one_due_first(note):
    enqueue(note, n=3)
    enqueue(note, n=4)
    enqueue(note, n=5, priority=9)
    enqueue(note, n=1, priority=0)
    enqueue(note, n=2, priority=4)

    assert numbers(note) == [1, 2, 3, 4, 5]


@pytest.mark.django_db
def test_priority_holds_from_one_batch_to_the_next(note, settings):
    settings.JOB_BATCH_SIZE = 2
    for n, priority in enumerate([9, 9, 5, 5, 1, 1]):
        enqueue(note, n=n, priority=priority)

    assert [numbers(note) for _ in range(4)] == [[4, 5], [2, 3], [0, 1], []]


@pytest.mark.django_db
def test_a_claim_leases_its_jobs_and_counts_the_attempt(note):
    enqueue(note)

    [taken] = claim(handler_of(note))

    row = Job.objects.get()
    assert (row.state, row.attempts, row.lease_token) == ("running", 1, taken.token)
    assert row.lease_until - row.heartbeat_at == timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_get_the_same_job(note, settings):
    settings.JOB_BATCH_SIZE = 7
    for n in range(100):
        enqueue(note, n=n)

    def work():
        mine = []
        while found := numbers(note):
            mine += found
        return mine

    shares = at_once(work, work, work, work)

    assert sorted(n for share in shares for n in share) == list(range(100))


@pytest.mark.django_db
def test_a_job_that_has_failed_before_is_claimed_alone_when_its_turn_comes(note):
    enqueue(note, n=0)
    [failed] = claim(handler_of(note))
    fail(failed, ValueError())
    enqueue(note, n=1)
    enqueue(note, n=2)
    Job.objects.filter(pk=failed.jobs[0].pk).update(run_at=Now())
    enqueue(note, n=3)

    assert [numbers(note) for _ in range(3)] == [[1, 2, 3], [0], []]


@pytest.mark.django_db
def test_jobs_that_keep_failing_and_fresh_ones_both_get_their_turn(note, settings):
    settings.JOB_BATCH_SIZE = 4
    for n in range(3):
        enqueue(note, n=n)
    for taken in claim(handler_of(note)):
        fail(taken, ValueError())
    now_due()
    for n in range(10, 16):
        enqueue(note, n=n)

    turns = [numbers(note) for _ in range(6)]

    assert [n for turn in turns for n in turn] == [0, 1, 2, 10, 11, 12, 13, 14, 15]
    assert all(len(turn) == 1 for turn in turns[:3])
    assert turns[-1] == []


@pytest.mark.django_db
def test_a_killer_among_a_batch_costs_those_behind_it_no_attempt_and_is_alone_the_next_time(note):
    for n in range(3):
        enqueue(note, n=n)
    assert len(numbers(note)) == 3
    forget_leases()
    assert return_expired_leases() == 3

    assert [row.attempts for row in Job.objects.order_by("pk")] == [1, 0, 0]
    now_due()
    assert sorted(len(numbers(note)) for _ in range(3)) == [0, 1, 2]


@pytest.mark.django_db
def test_those_that_were_done_before_a_worker_fell_silent_are_left_alone(note):
    for n in range(4):
        enqueue(note, n=n)
    done, *_ = claim(handler_of(note))
    complete(done)
    forget_leases()
    return_expired_leases()

    assert list(Job.objects.order_by("pk").values_list("state", "attempts")) == [
        ("done", 1),
        ("ready", 1),
        ("ready", 0),
        ("ready", 0),
    ]


@pytest.mark.django_db
def test_all_jobs_of_the_key_that_a_worker_fell_silent_over_have_used_an_attempt(fold):
    enqueue_keys(fold, ["a", "b", "a", "b"])
    claim(handler_of(fold))
    forget_leases()
    return_expired_leases()

    assert sorted(Job.objects.values_list("key", "attempts")) == [("a", 1), ("a", 1), ("b", 0), ("b", 0)]


@pytest.mark.django_db
def test_a_job_with_a_single_attempt_is_never_at_the_mercy_of_another():
    @job(max_attempts=1)
    def once(n):
        pass

    enqueue(once, n=0)
    enqueue(once, n=1)

    assert [len(numbers(once)) for _ in range(3)] == [1, 1, 0]


@pytest.mark.django_db
def test_all_jobs_of_a_key_are_claimed_together_beyond_the_size_of_a_batch(fold, settings):
    settings.JOB_BATCH_SIZE = 2
    enqueue_keys(fold, ["a", "b", "a", "c", "a"])

    runs = claimed(fold)

    assert sorted((jobs[0].key, len(jobs)) for jobs in runs) == [("a", 3), ("b", 1)]


@pytest.mark.django_db
def test_fresh_jobs_of_a_key_join_the_one_that_has_failed_but_not_the_other_way_round(fold):
    enqueue(fold, key="bad")
    [failed] = claim(handler_of(fold))
    fail(failed, ValueError())
    enqueue_keys(fold, ["bad", "good"])
    Job.objects.filter(pk=failed.jobs[0].pk).update(run_at=Now())

    assert sorted((jobs[0].key, len(jobs)) for jobs in claimed(fold)) == [("bad", 1), ("good", 1)]

    enqueue(fold, key="bad")
    assert [(jobs[0].key, len(jobs)) for jobs in claimed(fold)] == [("bad", 2)]


@pytest.mark.django_db
def test_a_job_taken_over_cannot_be_completed_by_its_former_worker(note):
    enqueue(note)
    [first] = claim(handler_of(note))
    forget_leases()
    return_expired_leases()
    now_due()
    [second] = claim(handler_of(note))

    with pytest.raises(LeaseLost):
        complete(first)
    fail(first, ValueError())
    assert give_back([first]) == 0
    assert renew(first.token) == 0
    complete(second, {"by": "second"})

    row = Job.objects.get()
    assert (row.state, row.job_result, row.attempts, row.error_details) == ("done", {"by": "second"}, 2, None)


@pytest.mark.django_db
def test_completing_a_key_says_when_some_of_its_jobs_were_taken_over(fold):
    enqueue_keys(fold, ["a", "a"])
    [taken] = claim(handler_of(fold))
    Job.objects.filter(pk=taken.jobs[0].pk).update(lease_token=uuid4())

    with pytest.raises(LeaseLost, match="1 of 2"):
        complete(taken)


@pytest.mark.django_db
def test_a_renewed_lease_does_not_expire(note):
    enqueue(note)
    [taken] = claim(handler_of(note))
    forget_leases()

    assert renew(taken.token) == 1
    assert return_expired_leases() == 0
    assert Job.objects.get().state == "running"


@pytest.mark.django_db
def test_an_expired_lease_is_returned_with_a_delay_and_says_why(note):
    enqueue(note)
    claim(handler_of(note))
    forget_leases()

    assert return_expired_leases() == 1

    row = Job.objects.get()
    assert (row.state, row.attempts, row.error_details["type"]) == ("ready", 1, "LeaseExpired")
    assert not Job.objects.due().exists()


@pytest.mark.django_db
def test_a_job_whose_worker_falls_silent_at_its_last_attempt_is_a_dead_letter():
    @job(max_attempts=1)
    def once():
        pass

    enqueue(once)
    claim(handler_of(once))
    forget_leases()
    return_expired_leases()

    row = Job.objects.get()
    assert row.state == "dead"
    assert row.dead_letter_at is not None


@pytest.mark.django_db
def test_a_job_given_back_looks_as_if_it_had_never_been_claimed(note):
    enqueue(note)
    before = Job.objects.values().get()

    assert give_back(claim(handler_of(note))) == 1

    assert Job.objects.values().get() == before


@pytest.mark.django_db
def test_an_error_that_postgresql_cannot_store_as_it_is_still_fails_the_job(note):
    enqueue(note)
    [taken] = claim(handler_of(note))

    fail(taken, ValueError("NUL \0 and half a surrogate \ud800"))

    assert Job.objects.get().error_details["message"] == "NUL \N{REPLACEMENT CHARACTER} and half a surrogate ?"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_return_a_lease_once(note):
    for n in range(20):
        enqueue(note, n=n)
    claim(handler_of(note))
    forget_leases()

    assert sum(at_once(return_expired_leases, return_expired_leases)) == 20
    assert sorted(Job.objects.values_list("attempts", flat=True)) == [0] * 19 + [1]


def test_delays_double_with_jitter_up_to_an_hour(settings):
    settings.JOB_BACKOFF_SECONDS = 2
    for attempts, whole in ((1, 2), (2, 4), (5, 32), (20, 3600), (32_000, 3600)):
        delays = [backoff(attempts).total_seconds() for _ in range(50)]
        assert whole / 2 <= min(delays) < max(delays) <= whole


@pytest.mark.django_db(transaction=True)
def test_claims_and_sweeps_at_once_neither_deadlock_nor_lose_a_job(fold):
    enqueue_keys(fold, ["a", "b", "c"] * 30)
    handler = handler_of(fold)

    def settle():
        while claims := claim(handler):
            for taken in claims:
                complete(taken)

    outcomes = at_once(settle, settle, settle, return_expired_leases)

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Job.objects.exclude(state="done").count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_effects", [True, False])
def test_only_a_commit_that_holds_all_effects_does_not_wait_for_the_disk(note, with_effects):
    def setting():
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return cursor.fetchone()[0]

    enqueue(note, n=1)
    (taken,) = claim(handler_of(note))

    before = setting()
    with transaction.atomic():
        complete(taken, with_effects=with_effects)
        assert setting() == ("off" if with_effects else before)
    assert setting() == before
    assert Job.objects.get().state == "done"
