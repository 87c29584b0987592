"""Who may do what at the addresses of payouts and the ledger: one table, which none of them may be missing from.

A row is a method and an address; a column is somebody who asks. What somebody has no part
in is answered exactly like what does not exist.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import reverse

from billing.tests.payout_factories import exported, payable_vendor, payouts_of
from billing.urls import urlpatterns
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-4000-8000-000000000000"
ROLES = (
    "anonymous",
    "customer",
    "other vendor",  # an owner of another vendor
    "viewer",  # of the vendor whose money it is
    "manager",
    "owner",
    "finance",  # staff, by a token of theirs
    "admin",
)
ELSEWHERE = {"plans", "billing-subscription", "billing-usage", "billing-usage-events", "billing-usage-timeline"}


@dataclass(frozen=True)
class Endpoint:
    """A way to ask. ``answers`` gives the status for each role that is not answered ``otherwise``."""

    method: str
    name: str
    about: str = ""  # the kind of thing whose id stands in the address, or is the profile asked for
    in_address: bool = False
    answers: dict[str, int] = field(default_factory=dict)
    otherwise: int = 404
    anonymous: int = 401

    def expected(self, role: str) -> int:
        return self.anonymous if role == "anonymous" else self.answers.get(role, self.otherwise)

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


MEMBERS = {"viewer": 200, "manager": 200, "owner": 200}
ENDPOINTS = [
    Endpoint("get", "vendor-ledger", "vendor", answers=MEMBERS),
    Endpoint("get", "vendor-payouts", "vendor", answers=MEMBERS),
    Endpoint("get", "vendor-payout", "payout", in_address=True, answers=MEMBERS),
    Endpoint("get", "vendor-statement", "vendor", answers=MEMBERS),
]


@pytest.fixture
def world() -> dict[str, Any]:
    """A vendor with a payout, and everybody who might take an interest in it."""
    vendor, other = payable_vendor(5_000), payable_vendor(7_000)
    people: dict[str, Any] = {
        "anonymous": None,
        "customer": UserFactory(),
        "other vendor": UserFactory(),
        "finance": StaffFactory(groups=["Finance", "Senior moderators", "Operators"]),
        "admin": StaffFactory(is_superuser=True),
    }
    Membership.objects.create(user=people["other vendor"], profile=other, role="owner")
    for role in Membership.Role.values:
        people[role] = UserFactory()
        Membership.objects.create(user=people[role], profile=vendor, role=role)
    (payout,) = [each for each in payouts_of(exported()) if each.profile_id == vendor.pk]
    return {"people": people, "vendor": vendor, "payout": payout}


def ask(endpoint: Endpoint, user: Any, about: object) -> Any:
    address = reverse(endpoint.name, args=[about] if endpoint.in_address else [])
    body = {} if endpoint.in_address else {"profile": about}
    return getattr(api_client_for(user), endpoint.method)(address, body)


def test_no_address_is_missing_from_the_table():
    assert {pattern.name for pattern in urlpatterns} - ELSEWHERE == {endpoint.name for endpoint in ENDPOINTS}


def test_no_method_is_missing_from_the_table():
    for pattern in urlpatterns:
        if pattern.name not in ELSEWHERE:
            view = pattern.callback.cls
            offered = {method for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
            assert offered == {endpoint.method for endpoint in ENDPOINTS if endpoint.name == pattern.name}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_everybody_is_answered_as_the_table_says(world, endpoint, role):
    answer = ask(endpoint, world["people"][role], world[endpoint.about].pk)

    assert answer.status_code == endpoint.expected(role), answer.content


@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_what_is_somebody_elses_is_answered_like_what_does_not_exist(world, endpoint, role):
    user = world["people"][role]
    missing = ask(endpoint, user, NOBODY)

    assert missing.status_code == 404
    if endpoint.expected(role) == 404:
        foreign = ask(endpoint, user, world[endpoint.about].pk)
        assert _without_id(foreign.json()) == _without_id(missing.json())


@pytest.mark.parametrize("role", ["viewer", "other vendor"])
@pytest.mark.parametrize("name", ["vendor-ledger", "vendor-payouts", "vendor-statement"])
def test_each_vendor_is_told_of_its_own_money_alone(world, name, role):
    text = api_client_for(world["people"][role]).get(reverse(name)).content.decode()

    own, foreign = ("5000", "7000") if role == "viewer" else ("7000", "5000")
    assert own in text
    assert foreign not in text


def _without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}
