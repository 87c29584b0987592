"""API calls are counted without touching a row, written down by the hour, and refused where a plan ends."""

from datetime import timedelta
from uuid import UUID

import pytest
import redis
from django.conf import settings as configured
from django.utils import timezone

from billing.services import calls
from billing.services.calls import count_call, write_down_calls
from billing.services.subscriptions import subscribe
from billing.tests.billing_worlds import limited, published, used
from billing.tests.billing_worlds import told as told_of
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def empty_redis(settings):
    settings.COUNT_API_CALLS = True
    client = redis.Redis.from_url(configured.REDIS_ADDRESS)
    for name in client.scan_iter("trustengine:calls:*"):
        client.delete(name)
    return client


def later(hours=1):
    return timezone.now() + timedelta(hours=hours, minutes=2)


def test_calls_are_written_down_once_after_their_hour():
    user = UserFactory()
    for _ in range(3):
        api_client_for(user).get(ME)

    assert (write_down_calls(), used(user.customer_profile)) == (0, 0)
    assert write_down_calls(later()) == 3
    assert write_down_calls(later()) == 0

    assert used(user.customer_profile) == 3


def test_counting_touches_no_row(django_assert_num_queries):
    user = UserFactory()
    count_call(user)

    with django_assert_num_queries(0):
        for _ in range(5):
            count_call(user)


def test_a_crash_before_redis_is_cleared_counts_nothing_twice(monkeypatch):
    user = UserFactory()
    count_call(user)
    with monkeypatch.context() as patched:
        patched.setattr(calls._Counts, "forget", lambda self, batch: None)
        write_down_calls(later())

    write_down_calls(later())

    assert (used(user.customer_profile), told_of(user.customer_profile)) == (1, 1)


def test_calls_that_come_after_their_hour_was_taken_are_another_batch():
    user = UserFactory()
    count_call(user)
    write_down_calls(later())
    count_call(user)

    write_down_calls(later())

    assert (used(user.customer_profile), told_of(user.customer_profile)) == (2, 2)


def test_members_of_one_vendor_call_for_it_and_of_two_for_themselves():
    one, other = VendorFactory(), VendorFactory()
    member, busy = UserFactory(), UserFactory()
    Membership.objects.create(user=member, profile=one, role="viewer")
    for vendor in (one, other):
        Membership.objects.create(user=busy, profile=vendor, role="viewer")

    for user in (member, busy):
        count_call(user)
    write_down_calls(later())

    assert (used(one), used(other), used(member.customer_profile), used(busy.customer_profile)) == (1, 0, 0, 1)


def test_anonymous_calls_are_nobody_s(empty_redis):
    api_client_for().get("/api/v1/plans/")

    assert list(empty_redis.scan_iter("trustengine:calls:*:hour:*")) == []


def test_a_hard_limit_refuses_the_call_after_the_last():
    user = UserFactory()
    limited(user.customer_profile, api_calls=3)
    client = api_client_for(user)

    answers = [client.get(ME) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refusal = answers[-1]
    assert (refusal.json()["code"], refusal.json()["left"], refusal.json()["meter"]) == (
        "QUOTA_EXCEEDED",
        0,
        "api_calls",
    )
    assert int(refusal["Retry-After"]) > 0
    assert refusal.json()["resets_at"].endswith("-01T00:00:00Z")
    write_down_calls(later())
    assert used(user.customer_profile) == 3


def test_members_share_their_vendor_s_limit_and_calls_not_written_down_count():
    vendor = VendorFactory()
    members = [Membership.objects.create(user=UserFactory(), profile=vendor, role="viewer").user for _ in range(2)]
    clients = [api_client_for(user) for user in members]
    clients[0].get(ME)
    limited(vendor, api_calls=3)
    calls._forget_limits(vendor.pk)

    answers = [clients[n % 2].get(ME).status_code for n in range(4)]

    assert answers == [200, 200, 429, 429]


@pytest.mark.django_db(transaction=True)
def test_a_larger_plan_holds_at_once():
    user = UserFactory()
    limited(user.customer_profile, api_calls=1)
    client = api_client_for(user)
    assert [client.get(ME).status_code for _ in range(2)] == [200, 429]

    subscribe(user.customer_profile.pk, published("larger", api_calls=10).pk, actor=None)

    assert client.get(ME).status_code == 200


def test_without_redis_calls_pass_and_are_not_counted(settings):
    settings.REDIS_ADDRESS = "unix:///nonexistent/redis.sock"
    user = UserFactory()
    limited(user.customer_profile, api_calls=1)

    assert [api_client_for(user).get(ME).status_code for _ in range(3)] == [200] * 3
    assert write_down_calls(later()) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("delete", "/api/v1/me/", 202),
        ("get", "/api/v1/me/export/", 200),
        ("get", "/api/v1/me/decisions/", 200),
        ("get", "/api/v1/me/reports/", 200),
        ("post", f"/api/v1/decisions/{UUID(int=1)}/appeal/", 400),
        ("post", "/api/v1/reports/", 400),
        ("get", "/api/v1/billing/usage/", 200),
        ("get", "/api/v1/billing/usage/timeline/?meter=api_calls", 200),
        ("get", "/api/v1/billing/subscription/", 200),
    ],
)
def test_who_has_no_calls_left_keeps_their_rights_and_sees_why(method, path, status):
    user = UserFactory()
    limited(user.customer_profile, api_calls=0)
    client = api_client_for(user)
    assert client.get(ME).status_code == 429

    assert getattr(client, method)(path).status_code == status

    write_down_calls(later())
    assert told_of(user.customer_profile) == 0


def test_usage_tells_of_calls_that_are_not_written_down_yet():
    vendor, member = VendorFactory(), UserFactory()
    Membership.objects.create(user=member, profile=vendor, role="viewer")
    client = api_client_for(member)

    def told():
        meters = client.get(f"/api/v1/billing/usage/?profile={vendor.pk}").json()["meters"]
        return next(meter["used"] for meter in meters if meter["meter"] == "api_calls")

    assert told() == 0
    client.get(ME)
    client.get(ME)
    assert told() == 2

    write_down_calls(later())
    client.get(ME)
    assert told() == 3


def test_without_redis_usage_tells_what_is_written_down(settings):
    user = UserFactory()
    count_call(user)
    write_down_calls(later())
    settings.REDIS_ADDRESS = "unix:///nonexistent/redis.sock"

    meters = api_client_for(user).get("/api/v1/billing/usage/").json()["meters"]

    assert next(meter["used"] for meter in meters if meter["meter"] == "api_calls") == 1
