"""Outside services in the console: their use at a glance, and limits that change through the service."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.errors import CapacityExceeded
from billing.models import CapacityLease, ProviderEndpoint
from billing.services.capacity import acquire, cool_down, settle
from billing.services.endpoints import add_endpoint, change_endpoint, end_cooling
from billing.tests.capacity_windows import endpoint
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.identifiers import uuid7

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/providerendpoint/"
LEASES = "/admin/billing/capacitylease/"


@pytest.fixture
def operator():
    return StaffFactory(groups=["Operators"])


@pytest.fixture
def console(client, operator):
    client.force_login(operator)
    return client


def page_of(row):
    return reverse("admin:billing_providerendpoint_change", args=[row.pk])


def text(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def form(row, **changes):
    given = {
        "requests_per_minute": row.requests_per_minute,
        "tokens_per_minute": row.tokens_per_minute,
        "tokens_per_call": row.tokens_per_call,
        "parallel_calls": row.parallel_calls,
        "lease_seconds": row.lease_seconds,
        "is_active": "on" if row.is_active else None,
    } | changes
    return {name: value for name, value in given.items() if value is not None}


def test_the_list_shows_what_is_used_at_the_moment(console):
    endpoint(requests_per_minute=2, tokens_per_minute=1_000, parallel_calls=4)
    acquire("acme", "chat", 100)
    settle(acquire("acme", "chat", 100), 30)
    for _ in range(3):
        with pytest.raises(CapacityExceeded):
            acquire("acme", "chat", 1)

    page = text(console.get(LIST))

    assert "acme · chat full 1 of 4 2 of 2 130 of 1,000 3" in page


@pytest.mark.parametrize("address", [LIST, LEASES])
def test_pages_are_for_operators(client, address):
    for group, status in (("Moderators", 403), ("Finance", 403), ("Operators", 200)):
        client.force_login(StaffFactory(groups=[group]))
        assert client.get(address).status_code == status


@pytest.mark.parametrize("address", [LIST, LEASES])
def test_the_number_of_queries_does_not_grow_with_the_rows(console, address, django_assert_max_num_queries):
    def some(name):
        ProviderEndpoint.objects.create(provider="acme", endpoint=name)
        acquire("acme", name, 10)
        acquire("acme", name, 10)

    some("one")
    console.get(address)
    with django_assert_max_num_queries(40) as before:
        console.get(address)
    for name in ("two", "three"):
        some(name)
    with django_assert_max_num_queries(len(before)):
        console.get(address)


def test_an_operator_changes_limits_and_it_is_recorded(console, operator):
    row = endpoint(requests_per_minute=60, parallel_calls=4)

    answer = console.post(page_of(row), form(row, requests_per_minute=90, parallel_calls=""))

    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.requests_per_minute, row.parallel_calls) == (90, None)
    entry = Entry.objects.get(verb="endpoint.changed")
    assert (entry.actor_id, entry.object_id) == (operator.pk, str(row.pk))
    assert entry.before == {"requests_per_minute": 60, "parallel_calls": 4}
    assert entry.after == {"requests_per_minute": 90, "parallel_calls": None}
    assert "Endpoint changed" in text(console.get(page_of(row)))


def test_saving_what_is_there_records_nothing(console):
    row = endpoint(requests_per_minute=60)

    assert console.post(page_of(row), form(row)).status_code == 302

    assert not Entry.objects.filter(verb="endpoint.changed").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tokens_per_minute": 10, "tokens_per_call": 11}, "cannot be allowed more tokens than a minute"),
        ({"requests_per_minute": 0}, "switch the endpoint off"),
        ({"lease_seconds": 0}, "between 1 and 3,600 seconds"),
        ({"parallel_calls": "many"}, "Enter a whole number"),
        ({"tokens_per_minute": 10**12}, "less than or equal to"),
    ],
)
def test_limits_that_make_no_sense_are_explained(console, changes, complaint):
    row = endpoint()

    page = text(console.post(page_of(row), form(row, **changes)))

    assert complaint in page
    assert ProviderEndpoint.objects.get(pk=row.pk).requests_per_minute is None


def test_an_operator_adds_an_endpoint_once(console):
    given = {"provider": "acme", "endpoint": "chat", "parallel_calls": 3, "lease_seconds": 30, "is_active": "on"}

    assert console.post(f"{LIST}add/", given).status_code == 302
    again = text(console.post(f"{LIST}add/", given))

    assert "already exists" in again or "is violated" in again
    row = ProviderEndpoint.objects.get(provider="acme")
    assert (row.parallel_calls, row.requests_per_minute, row.is_active) == (3, None, True)
    assert Entry.objects.filter(verb="endpoint.added", object_id=str(row.pk)).count() == 1


def test_a_pause_that_the_provider_asked_for_can_be_ended(console):
    row = endpoint()
    cool_down("acme", "chat", seconds=600)
    assert "left alone" in text(console.get(LIST))
    assert "Call it again now" in text(console.get(page_of(row)))

    answer = console.post(f"{LIST}{row.pk}/end-cooling/", follow=True)

    assert "It is called again from now on." in text(answer)
    acquire("acme", "chat", 1)
    assert Entry.objects.filter(verb="endpoint.cooling_ended").count() == 1
    assert console.get(f"{LIST}{row.pk}/end-cooling/").status_code == 405


def test_who_may_only_look_changes_nothing(client):
    row = endpoint()
    viewer = StaffFactory(permissions=["billing.view_providerendpoint"])
    client.force_login(viewer)

    assert client.get(page_of(row)).status_code == 200
    assert client.post(page_of(row), form(row, lease_seconds=5)).status_code == 403
    assert client.post(f"{LIST}{row.pk}/end-cooling/").status_code == 403
    for refused in (
        lambda: change_endpoint(row.pk, actor=viewer, changes={"lease_seconds": 5}),
        lambda: add_endpoint(provider="x", endpoint="y", limits={}, actor=viewer),
        lambda: end_cooling(row.pk, actor=viewer),
    ):
        with pytest.raises(PermissionDenied):
            refused()


def test_the_services_refuse_what_stays_and_what_is_not_there(operator):
    row = endpoint()

    with pytest.raises(InvalidInput):
        change_endpoint(row.pk, actor=operator, changes={"provider": "other"})
    with pytest.raises(InvalidInput):
        add_endpoint(provider="acme", endpoint="chat", limits={}, actor=operator)
    with pytest.raises(NotFound):
        change_endpoint(uuid7(), actor=operator, changes={"lease_seconds": 5})


def test_leases_are_read_and_never_changed(console):
    endpoint()
    settle(acquire("acme", "chat", 1_234), 1_000, at=timezone.now())
    lease = CapacityLease.objects.get()

    page = text(console.get(LEASES))

    assert "settled" in page
    assert "1,234" in page
    assert "1,000" in page
    assert console.get(f"{LEASES}{lease.pk}/change/").status_code == 200
    assert console.post(f"{LEASES}{lease.pk}/change/", {"state": "held"}).status_code == 403
