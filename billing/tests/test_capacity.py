import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from billing.errors import CapacityExceeded
from billing.gauges import capacity_in_use, capacity_tokens
from billing.jobs import capacity as capacity_jobs
from billing.models import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.services.capacity import (
    NeverFits,
    UnknownEndpoint,
    acquire,
    capacity,
    cool_down,
    expire_leases,
    release,
    settle,
)
from billing.tests.capacity_windows import busiest_minute, most_parallel
from trustengine.jobs.services import enqueue
from trustengine.testing import at_once, run_due_jobs

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def endpoint(**limits):
    return ProviderEndpoint.objects.create(provider="acme", endpoint="chat", **limits)


def take(tokens=10, seconds=0):
    return acquire("acme", "chat", tokens, at=NOON + timedelta(seconds=seconds))


def refused(tokens=10, seconds=0):
    with pytest.raises(CapacityExceeded) as refusal:
        take(tokens, seconds)
    return refusal.value.limit, refusal.value.retry_after


@pytest.mark.django_db
def test_no_sixty_seconds_see_more_requests_than_allowed_wherever_they_begin():
    endpoint(requests_per_minute=2)
    take(seconds=50)
    take(seconds=59)

    assert refused(seconds=61) == ("requests", 49), "a new calendar minute frees nothing"
    assert refused(seconds=109.5) == ("requests", 1)
    take(seconds=110)
    assert refused(seconds=110) == ("requests", 9)


@pytest.mark.django_db
def test_tokens_wait_until_as_many_as_are_missing_have_left_the_window():
    endpoint(tokens_per_minute=100)
    take(40, seconds=0)
    take(30, seconds=10)
    take(30, seconds=20)

    assert refused(30, seconds=30) == ("tokens", 30)
    assert refused(60, seconds=30) == ("tokens", 40), "the first alone does not make room enough"
    take(40, seconds=60)


@pytest.mark.django_db
def test_a_call_holds_its_place_until_it_ends():
    endpoint(parallel_calls=1)
    lease = take()

    assert refused(seconds=1) == ("parallel", 1)
    release(lease, at=NOON + timedelta(seconds=2))

    take(seconds=2)


@pytest.mark.django_db
def test_a_refused_call_has_taken_nothing():
    row = endpoint(requests_per_minute=10, tokens_per_minute=100, parallel_calls=2)
    take(60)
    before = list(CapacityLease.objects.values()), ProviderEndpoint.objects.values().get()

    for _ in range(5):
        assert refused(41)[0] == "tokens"

    assert (list(CapacityLease.objects.values()), ProviderEndpoint.objects.values().get()) == before
    take(40)  # all that was left is still there
    assert row.leases.count() == 2


@pytest.mark.django_db
def test_the_longest_wait_is_told_where_several_limits_are_reached():
    endpoint(requests_per_minute=1, parallel_calls=1)
    take()

    assert refused(seconds=10) == ("requests", 50)


@pytest.mark.django_db
def test_refusals_are_counted_for_people_to_look_at():
    row = endpoint(requests_per_minute=1)
    take()
    labels = {"provider": "acme", "endpoint": "chat", "limit": "requests"}
    before = REGISTRY.get_sample_value("trustengine_capacity_refusals_total", labels) or 0

    for seconds in (1, 2, 59):
        refused(seconds=seconds)
    take(seconds=60)
    refused(seconds=61)

    assert list(row.refusals.order_by("minute").values_list("minute", "refused")) == [
        (NOON, 3),
        (NOON + timedelta(minutes=1), 1),
    ]
    assert REGISTRY.get_sample_value("trustengine_capacity_refusals_total", labels) == before + 4


@pytest.mark.django_db
@pytest.mark.parametrize(("used", "fits", "is_refused"), [(10, 90, 91), (80, 20, 21), (0, 100, 101)])
def test_what_was_really_used_counts_once_it_is_known(used, fits, is_refused):
    endpoint(tokens_per_minute=101 if is_refused > 100 else 100)
    lease = take(50)

    assert settle(lease, used, at=NOON + timedelta(seconds=1))

    if is_refused <= 100:
        assert refused(is_refused, seconds=2)[0] == "tokens"
    take(fits, seconds=2)


@pytest.mark.django_db
def test_a_call_that_used_more_than_a_whole_minute_allows_makes_the_next_ones_wait():
    endpoint(tokens_per_minute=100)
    settle(take(50), 1_000, at=NOON + timedelta(seconds=5))

    assert refused(1, seconds=10) == ("tokens", 50)
    take(100, seconds=60)


@pytest.mark.django_db
def test_a_lease_ends_once_and_the_first_word_counts():
    endpoint()
    lease = take(50)

    assert settle(lease, 20)
    assert not settle(lease, 99)
    assert not release(lease)

    assert CapacityLease.objects.values_list("state", "actual_tokens").get() == ("settled", 20)


@pytest.mark.django_db
def test_a_lease_is_given_back_whatever_ends_its_block():
    endpoint(parallel_calls=1)

    with suppress(ValueError), capacity("acme", "chat", 30):
        raise ValueError
    with capacity("acme", "chat", 30) as lease:
        settle(lease, 12)
    with suppress(SystemExit), capacity("acme", "chat", 30):
        raise SystemExit

    rows = CapacityLease.objects.order_by("pk").values_list("state", "actual_tokens")
    assert list(rows) == [("released", 30), ("settled", 12), ("released", 30)]


@pytest.mark.django_db
def test_a_lease_that_nobody_ends_is_charged_and_makes_room_at_the_next_call():
    endpoint(parallel_calls=1, tokens_per_minute=100, lease_seconds=20)
    lost = take(60)

    assert refused(10, seconds=19.5) == ("parallel", 1)
    take(10, seconds=20)

    row = CapacityLease.objects.get(pk=lost.id)
    assert (row.state, row.actual_tokens, row.settled_at) == ("expired", 60, NOON + timedelta(seconds=20))
    assert refused(50, seconds=20)[0] == "tokens", "what it may have used is still charged"


@pytest.mark.django_db
def test_a_job_charges_lost_leases_where_nobody_calls_any_more():
    endpoint(lease_seconds=20)
    take(60)
    held = acquire("acme", "chat", 5)

    enqueue(capacity_jobs.expire_leases)
    run_due_jobs()

    assert set(CapacityLease.objects.values_list("state", "actual_tokens")) == {("expired", 60), ("held", None)}
    assert settle(held, 5)


@pytest.mark.django_db
def test_a_holder_who_comes_back_too_late_corrects_the_charge():
    endpoint(lease_seconds=20)
    lease = take(60)
    expire_leases(at=NOON + timedelta(seconds=30))

    assert not release(lease)
    assert settle(lease, 75)

    assert CapacityLease.objects.values_list("state", "actual_tokens").get() == ("expired", 75)


@pytest.mark.django_db
def test_an_endpoint_is_left_alone_for_as_long_as_its_provider_asks():
    endpoint()
    cool_down("acme", "chat", seconds=30, at=NOON)
    cool_down("acme", "chat", seconds=5, at=NOON)

    assert refused(seconds=10) == ("cooling", 20), "a shorter wish does not end a longer one"
    take(seconds=30)
    cool_down("acme", "chat", seconds=1e12, at=NOON)
    assert refused() == ("cooling", 3_600)


@pytest.mark.django_db
def test_an_operator_switches_an_endpoint_off():
    endpoint(is_active=False)

    assert refused() == ("paused", 60)


@pytest.mark.django_db
def test_what_can_never_fit_is_no_matter_of_waiting():
    endpoint(tokens_per_minute=1_000, tokens_per_call=100)

    with pytest.raises(NeverFits):
        take(101)
    with pytest.raises(UnknownEndpoint):
        acquire("acme", "other", 1)
    assert not CapacityLease.objects.exists()
    assert not CapacityRefusals.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_capacity_is_never_held_in_somebody_elses_transaction():
    endpoint()

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        acquire("acme", "chat", 1)
    with capacity("acme", "chat", 1):
        assert not connection.in_atomic_block


@pytest.mark.django_db
@pytest.mark.parametrize(
    "limits",
    [
        {"requests_per_minute": 0},
        {"parallel_calls": 0},
        {"tokens_per_minute": 10, "tokens_per_call": 11},
        {"lease_seconds": 0},
        {"provider": ""},
    ],
)
def test_limits_that_make_no_sense_are_refused_by_the_database(limits):
    with pytest.raises(IntegrityError):
        ProviderEndpoint.objects.create(**({"provider": "acme", "endpoint": "chat"} | limits))


@pytest.mark.django_db(transaction=True)
def test_thirty_two_at_once_are_never_more_than_four_and_all_get_their_turn():
    endpoint(parallel_calls=4)
    counting = threading.Lock()
    alive, most = 0, 0

    def call():
        nonlocal alive, most
        for _ in range(2_000):
            with suppress(CapacityExceeded), capacity("acme", "chat", 1) as lease:
                with counting:
                    alive += 1
                    most = max(most, alive)
                time.sleep(0.005)
                with counting:
                    alive -= 1
                settle(lease, 1)
                return True
            time.sleep(0.02)
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

    outcomes = at_once(*[partial(acquire, "acme", "chat", 10)] * 32)

    refusals = [outcome for outcome in outcomes if isinstance(outcome, CapacityExceeded)]
    assert len(refusals) == 17
    assert {refusal.limit for refusal in refusals} == {"tokens"}
    assert busiest_minute(list(CapacityLease.objects.all())) == (15, 150)
    assert sum(CapacityRefusals.objects.values_list("refused", flat=True)) == 17


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_ends_in_several_ways_at_once_is_charged_once():
    endpoint()
    lease = acquire("acme", "chat", 50)

    outcomes = at_once(*[partial(settle, lease, 20), partial(release, lease)] * 4)

    assert sorted(outcomes) == [False] * 7 + [True]


@pytest.mark.django_db
def test_the_scrape_tells_what_is_in_use():
    endpoint(parallel_calls=4)
    ProviderEndpoint.objects.create(provider="acme", endpoint="idle")
    acquire("acme", "chat", 40)
    settle(acquire("acme", "chat", 40), 15)
    take(1_000)  # long ago

    assert capacity_in_use() == {("acme", "chat"): 1, ("acme", "idle"): 0}
    assert capacity_tokens() == {("acme", "chat"): 55}


@pytest.mark.django_db
def test_old_leases_are_forgotten_and_those_under_way_are_not(settings):
    settings.CAPACITY_LEASE_DAYS = 7
    endpoint(requests_per_minute=1)
    for days in (8, 6):
        at = timezone.now() - timedelta(days=days)
        settle(acquire("acme", "chat", 1, at=at), 1, at=at)
        with suppress(CapacityExceeded):
            acquire("acme", "chat", 1, at=at)
    acquire("acme", "chat", 1)

    assert capacity_jobs.forget_leases() == {"leases": 1, "refusals": 1}
    assert CapacityLease.objects.count() == 2


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
