"""Nobody sees what another profile uses or has subscribed to, not even where a view forgets to filter."""

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from billing.models import Subscription, UsageAlert, UsageEvent, UsagePeriod, UsageReservation
from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited
from billing.timelines import SUMS, By, Timeline
from billing.urls import urlpatterns
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory
from trustengine.row_security import Reason, every_row, seen_by
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

WALLED = (Subscription, UsageAlert, UsageEvent, UsagePeriod, UsageReservation)
OF_MEMBERS = ("billing-subscription", "billing-usage", "billing-usage-timeline")
ASKED = {"billing-usage-timeline": {"meter": "api_calls"}}
MEMBERS = {*Membership.Role.values}
MINE = {"plans", "billing-usage-events", *OF_MEMBERS}


@pytest.fixture
def world():
    """A vendor with usage, and everybody who might take an interest in it."""
    vendor = VendorFactory()
    limited(vendor, uploaded_bytes=1_000)
    record_events([event(vendor, quantity=987_654)])
    people = {
        "anonymous": None,
        "customer": UserFactory(),
        "other vendor": UserFactory(),
        "suspended": UserFactory(),
        "service": UserFactory(groups=["Services"]),
        "finance": StaffFactory(groups=["Finance", "Operators"]),
        "admin": StaffFactory(is_superuser=True),
    }
    VendorFactory(owner=people["other vendor"])
    for role in Membership.Role.values:
        people[role] = UserFactory()
        Membership.objects.create(user=people[role], profile=vendor, role=role)
    Membership.objects.create(user=people["suspended"], profile=vendor, role="owner")
    people["suspended"].suspended_at = people["suspended"].date_joined
    people["suspended"].save()
    return vendor, people


@pytest.mark.parametrize("name", OF_MEMBERS)
def test_only_members_see_a_profile_and_for_others_there_is_none(world, name):
    vendor, people = world
    about = ASKED.get(name, {})

    answers = {
        role: api_client_for(user).get(reverse(name), {"profile": vendor.pk, **about}) for role, user in people.items()
    }
    missing = api_client_for(people["customer"]).get(
        reverse(name), {"profile": "018f6d1e-0000-7000-8000-00000000dead", **about}
    )

    assert {role for role, answer in answers.items() if answer.status_code == 200} == MEMBERS
    assert answers["anonymous"].status_code == 401
    others = people.keys() - MEMBERS - {"anonymous"}
    assert {answers[role].status_code for role in others} == {404}
    told = answers["customer"].json() | {"request_id": ""}
    assert told == missing.json() | {"request_id": ""}
    assert not [role for role in others if "987654" in answers[role].content.decode()]


def test_every_address_of_metering_is_tested_here():
    assert {pattern.name for pattern in urlpatterns} >= MINE


@pytest.mark.parametrize("name", ["billing-usage", "billing-usage-timeline"])
def test_without_the_view_s_own_filter_the_wall_still_hides_everything(world, name, monkeypatch):
    vendor, people = world
    monkeypatch.setattr("billing.api.access.has_profile_access", lambda user, profile: True)

    told = api_client_for(people["other vendor"]).get(reverse(name), {"profile": vendor.pk, **ASKED.get(name, {})})

    assert told.status_code == 200
    assert "987654" not in told.content.decode()


@pytest.mark.parametrize("model", WALLED)
def test_a_query_without_any_filter_shows_a_member_their_own_rows_only(world, model):
    vendor, people = world
    other = VendorFactory()
    limited(other, uploaded_bytes=100)
    record_events([event(other, "1", 60, "uploaded_bytes")])

    with every_row(Reason.TEST):
        everything = set(model.objects.values_list("profile_id", flat=True))
    with seen_by(people["owner"]):
        seen = set(model.objects.values_list("profile_id", flat=True))

    assert seen == everything & {vendor.pk}
    assert not model.objects.exists()


def test_the_timeline_is_read_from_its_index_behind_the_wall(world):
    vendor, people = world
    with every_row(Reason.TEST), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_usageevent SELECT"
            " CASE WHEN n %% 4 = 0 THEN %s::uuid ELSE gen_random_uuid() END, 'bulk', n::text,"
            " CASE WHEN n %% 20 < 10 THEN 'api_calls' ELSE 'uploaded_pages' END, 1, '\\x00',"
            " now() - n * interval '1 minute', now(), date_trunc('month', now())::date, NULL"
            " FROM generate_series(1, 20000) n",
            [vendor.pk],
        )
        cursor.execute("ANALYZE billing_usageevent")
    with seen_by(people["owner"]), connection.cursor() as cursor:
        today = timezone.localdate()
        about = Timeline(vendor.pk, "api_calls", today, today, By.DAY).parameters
        cursor.execute(f"EXPLAIN {SUMS}", about)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    condition = next(line for line in plan.splitlines() if "Index Cond: ((profile_id" in line)
    assert "usage_timeline" in plan
    assert "meter" in condition
    assert "occurred_at >= " in condition
    assert "Seq Scan on billing_usageevent" not in plan
