from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from prometheus_client import REGISTRY

from billing.models import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.services.capacity import (
    NeverFits,
    UnknownEndpoint,
    acquire,
    capacity,
    cool_down,
    release,
)
from billing.tests.capacity_windows import NOON, endpoint, refused, take


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
    before = list(CapacityLease.objects.values()), list(ProviderEndpoint.objects.values())

    for _ in range(5):
        assert refused(41)[0] == "tokens"

    assert (list(CapacityLease.objects.values()), list(ProviderEndpoint.objects.values())) == before
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
