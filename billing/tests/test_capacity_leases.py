from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.errors import CapacityExceeded
from billing.gauges.capacity import capacity_in_use, capacity_tokens
from billing.jobs import capacity as capacity_jobs
from billing.models import CapacityLease, ProviderEndpoint
from billing.services.capacity import (
    acquire,
    capacity,
    expire_leases,
    release,
    settle,
)
from billing.tests.capacity_windows import NOON, endpoint, refused, take
from trustengine.jobs.services import enqueue
from trustengine.testing import run_due_jobs


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
def test_the_scrape_tells_what_is_in_use():
    endpoint(parallel_calls=4)
    ProviderEndpoint.objects.create(provider="acme", endpoint="idle")
    acquire("acme", "chat", 40)
    settle(acquire("acme", "chat", 40), 15)
    take(1_000)  # long ago

    in_use = {key: count for key, count in capacity_in_use().items() if key[0] == "acme"}
    assert in_use == {("acme", "chat"): 1, ("acme", "idle"): 0}
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
