"""Usage over HTTP: told by services, one or a thousand at a time; seen by members."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited, told, used
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.api.tests.test_hostile_input import VALUES
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/billing/usage-events/"
USAGE = "/api/v1/billing/usage/"
TIMELINE = "/api/v1/billing/usage/timeline/"


@pytest.fixture
def service():
    return api_client_for(UserFactory(groups=["Services"]))


def body(profile, event_id="1", quantity=5, **more):
    return {
        "profile": str(profile.pk),
        "source": "widget",
        "event_id": event_id,
        "meter": "api_calls",
        "quantity": quantity,
        **more,
    }


def test_an_event_is_taken_once_and_a_repetition_is_told(service):
    vendor = VendorFactory()

    first, again = (service.post(EVENTS, body(vendor)) for _ in range(2))

    assert (first.status_code, first.json()["accepted"], first.json()["duplicates"]) == (201, 1, 0)
    assert (again.status_code, again.json()["accepted"], again.json()["duplicates"]) == (200, 0, 1)
    assert first.json()["events"] == [
        {
            "profile": str(vendor.pk),
            "source": "widget",
            "event_id": "1",
            "duplicate": False,
            "month": f"{timezone.localdate():%Y-%m}-01",
            "adjusts": None,
        }
    ]
    assert used(vendor) == 5


def test_the_same_key_with_other_content_is_a_conflict(service):
    vendor = VendorFactory()
    service.post(EVENTS, body(vendor))

    answer = service.post(EVENTS, {"events": [body(vendor, "2"), body(vendor, quantity=6)]})

    assert (answer.status_code, answer.json()["code"]) == (409, "USAGE_EVENT_CONFLICT")
    assert [error["field"] for error in answer.json()["errors"]] == ["events.1"]
    assert told(vendor) == 1


def test_the_same_moment_in_another_spelling_is_the_same_content(service):
    vendor, moment = VendorFactory(), timezone.now().replace(microsecond=0)
    spelt = [moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.isoformat(), (moment).isoformat(timespec="milliseconds")]

    answers = [service.post(EVENTS, body(vendor, occurred_at=text)) for text in spelt]

    assert [answer.status_code for answer in answers] == [201, 200, 200]


def test_a_thousand_events_are_taken_and_one_more_is_refused(service):
    vendor = VendorFactory()
    events = [body(vendor, str(n), 1) for n in range(1_001)]

    refused = service.post(EVENTS, {"events": events})
    taken = service.post(EVENTS, {"events": events[:1_000]})

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert (taken.status_code, taken.json()["accepted"], used(vendor)) == (201, 1_000, 1_000)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"occurred_at": (timezone.now() + timedelta(days=1)).isoformat()}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
        ({"meter": "coffee"}, "meter"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": 10**13}, "quantity"),
        ({"profile": "018f6d1e-0000-7000-8000-000000000030"}, "profile"),
        ({"source": "with space"}, "source"),
        ({"event_id": "x" * 101}, "event_id"),
    ],
)
def test_bad_values_are_named(service, change, field):
    one = service.post(EVENTS, {**body(VendorFactory()), **change})
    many = service.post(EVENTS, {"events": [{**body(VendorFactory()), **change}]})

    assert (one.status_code, one.json()["code"], one.json()["errors"][0]["field"]) == (400, "INVALID_INPUT", field)
    assert (many.status_code, many.json()["errors"][0]["field"]) == (400, f"events.0.{field}")


def test_no_value_of_an_event_is_a_500(service):
    good = body(VendorFactory(), occurred_at=timezone.now().isoformat())

    for name in good:
        for value in VALUES:
            for data in ({**good, name: value}, {"events": [{**good, name: value}]}):
                answer = service.generic("POST", EVENTS, json.dumps(data), "application/json")
                assert answer.status_code < 500, f"{name}={value!r}"


@pytest.mark.parametrize("data", [[], "x", {"events": {}}, {"events": []}, {"events": [1]}, {}, {"events": None}])
def test_other_shapes_are_refused(service, data):
    assert service.post(EVENTS, data, format="json").status_code == 400


def test_only_services_tell_usage():
    vendor = VendorFactory()
    owner = MembershipFactory(profile=vendor, role="owner").user

    assert api_client_for().post(EVENTS, body(vendor)).status_code == 401
    assert api_client_for(owner).post(EVENTS, body(vendor)).json()["code"] == "PERMISSION_DENIED"
    assert told(vendor) == 0


def test_members_see_what_is_used_and_left():
    vendor = VendorFactory()
    limited(vendor, uploaded_bytes=1_000, api_calls=("soft", 10))
    record_events(
        [event(vendor, "1", 999, "uploaded_bytes"), event(vendor, "2", 25), event(vendor, "3", 2, "uploaded_pages")]
    )

    told = api_client_for(MembershipFactory(profile=vendor).user).get(f"{USAGE}?profile={vendor.pk}").json()

    meters = {meter.pop("meter"): meter for meter in told["meters"]}
    resets_at = told["period"]["end"]
    assert meters["uploaded_bytes"] == {
        "unit": "bytes",
        "used": 999,
        "included": 0,
        "limit": 1_000,
        "kind": "hard",
        "percent": 99,
        "resets_at": resets_at,
    }
    assert (meters["api_calls"]["percent"], meters["api_calls"]["kind"]) == (250, "soft")
    assert (meters["uploaded_pages"]["used"], meters["uploaded_pages"]["limit"]) == (2, None)


def test_with_no_plan_chosen_every_meter_is_shown_with_its_soft_limit():
    told = api_client_for(UserFactory()).get(USAGE).json()

    assert len(told["meters"]) == 5
    assert {(meter["kind"], meter["used"], meter["percent"]) for meter in told["meters"]} == {("soft", 0, 0)}


def test_a_timeline_covers_the_days_asked_for():
    vendor = VendorFactory()
    record_events([event(vendor, "1", 4)])
    client = api_client_for(MembershipFactory(profile=vendor).user)

    def points(**query):
        return client.get(TIMELINE, {"profile": vendor.pk, "meter": "api_calls", **query}).json()["points"]

    assert [point["quantity"] for point in points()] == [4]
    assert [point["quantity"] for point in points(by="hour")] == [4]
    assert points(**{"from": "2020-01-01", "to": "2020-02-01"}) == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2024-01-01", "to": "2026-01-01"},
        {"by": "hour", "from": "2026-01-01", "to": "2026-02-15"},
        {"to": "0001-01-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"meter": "coffee"},
        {"by": "year"},
    ],
)
def test_other_stretches_are_refused_or_empty(query):
    answer = api_client_for(UserFactory()).get(TIMELINE, {"meter": "api_calls", **query})

    assert answer.status_code == 400 or answer.json()["points"] == []
