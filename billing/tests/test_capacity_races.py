import signal
import threading
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, transaction
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from billing.errors import CapacityExceeded
from billing.models import CapacityLease, CapacityRefusals
from billing.services.capacity import (
    acquire,
    capacity,
    expire_leases,
    release,
    settle,
)
from billing.tests.capacity_windows import NOON, busiest_minute, endpoint, most_parallel
from trustengine.jobs.tests.processes import begin
from trustengine.testing import PATIENCE, at_once


@pytest.mark.django_db(transaction=True)
def test_thirty_two_at_once_are_never_more_than_four_and_all_get_their_turn():
    endpoint(parallel_calls=4)
    counting = threading.Lock()
    alive, most = 0, 0

    def call():
        nonlocal alive, most
        for _ in range(2_000):
            with suppress(CapacityExceeded, OperationalError), capacity("acme", "chat", 1) as lease:
                with counting:
                    alive += 1
                    most = max(most, alive)
                time.sleep(0.005)
                with counting:
                    alive -= 1
                settle(lease, 1)
                return True
            time.sleep(0.1)
        return False

    outcomes = at_once(*[call] * 32)

    assert outcomes == [True] * 32
    assert most <= 4
    leases = list(CapacityLease.objects.all())
    assert len(leases) == 32
    assert most_parallel(leases) <= 4


@pytest.mark.django_db(transaction=True)
def test_thirty_two_at_once_get_no_more_requests_and_tokens_than_a_minute_allows():
    endpoint(requests_per_minute=20, tokens_per_minute=150)

    def call():
        while True:
            with suppress(OperationalError):  # on a slow machine the last ones wait longer than a lock may take
                return acquire("acme", "chat", 10)

    outcomes = at_once(*[call] * 32)

    refusals = [outcome for outcome in outcomes if isinstance(outcome, CapacityExceeded)]
    assert len(refusals) == 17
    assert {refusal.limit for refusal in refusals} == {"tokens"}
    assert busiest_minute(list(CapacityLease.objects.all())) == (15, 150)
    assert sum(CapacityRefusals.objects.values_list("refused", flat=True)) == 17


KILLED_WHILE_CALLING = """
import os, signal
from billing.services.capacity import capacity
with capacity("acme", "chat", 60):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_while_it_calls_gives_its_place_back_with_its_lease():
    endpoint(parallel_calls=1, tokens_per_minute=100, lease_seconds=30)

    assert begin("shell", "-c", KILLED_WHILE_CALLING).wait(PATIENCE) == -signal.SIGKILL

    lease = CapacityLease.objects.get()
    assert lease.state == "held"
    with pytest.raises(CapacityExceeded):
        acquire("acme", "chat", 10)
    assert expire_leases(at=lease.expires_at) == 1
    lease.refresh_from_db()
    assert (lease.state, lease.actual_tokens) == ("expired", 60)
    acquire("acme", "chat", 10)
    with pytest.raises(CapacityExceeded, match="capacity"):
        acquire("acme", "chat", 31)  # it may have used its tokens


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_ends_in_several_ways_at_once_is_charged_once():
    endpoint()
    lease = acquire("acme", "chat", 50)

    outcomes = at_once(*[partial(settle, lease, 20), partial(release, lease)] * 4)

    assert sorted(outcomes) == [False] * 7 + [True]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "settle", "release", "expire"]),
        st.integers(0, 40),  # seconds that pass before it
        st.integers(0, 60),  # tokens
    ),
    max_size=25,
)


@pytest.mark.django_db
@effort(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_no_limit_is_exceeded_and_waiting_as_told_suffices(steps):
    """Calls use at most what they were estimated to; then no minute sees more than its limits."""
    with undone():
        endpoint(requests_per_minute=4, tokens_per_minute=100, parallel_calls=3, lease_seconds=45)
        now, held = NOON, []
        for step, pause, tokens in steps:
            now += timedelta(seconds=pause)
            if step == "take":
                try:
                    held.append(acquire("acme", "chat", tokens, at=now))
                except CapacityExceeded as refusal:
                    if refusal.limit != "parallel":
                        assert_fits_after(now, refusal.retry_after, tokens)
            elif step == "expire":
                expire_leases(at=now)
            elif held:
                lease = held.pop(tokens % len(held))
                if step == "settle":
                    settle(lease, min(tokens, lease.estimate_tokens), at=now)
                else:
                    release(lease, at=now)
        leases = list(CapacityLease.objects.all())
        requests, used = busiest_minute(leases)
        assert requests <= 4
        assert used <= 100
        assert most_parallel(leases) <= 3


def assert_fits_after(now, seconds, tokens):
    """Waiting as long as was said, a call fits unless the parallel ones leave no place; a second less, it does not."""
    with undone():
        with pytest.raises(CapacityExceeded):
            acquire("acme", "chat", tokens, at=now + timedelta(seconds=seconds - 1))
        try:
            acquire("acme", "chat", tokens, at=now + timedelta(seconds=seconds))
        except CapacityExceeded as refusal:
            assert refusal.limit == "parallel"  # noqa: PT017


@contextmanager
def undone():
    """What the block does is rolled back; it is no transaction of its own, which acquiring refuses."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)
