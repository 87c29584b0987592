"""Who may do what at every address of the orders app: one table, which no address may be missing from.

A row is a method and an address; a column is somebody who asks. An object that somebody
has no part in is answered exactly like one that does not exist.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import reverse

from orders.tests.factories import OrderItemFactory, ProductFactory
from orders.urls import urlpatterns
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

NOBODY = "00000000-0000-4000-8000-000000000000"
ROLES = (
    "anonymous",
    "customer",  # whose order it is
    "other customer",
    "other vendor",  # an owner of another vendor
    "viewer",  # of the vendor who fulfils it
    "manager",
    "owner",
    "moderator",  # staff, by a token of theirs
    "admin",
)


@dataclass(frozen=True)
class Endpoint:
    """A way to ask. ``answers`` gives the status for each role that is not answered ``otherwise``."""

    method: str
    name: str
    about: str = ""  # the kind of thing whose id stands in the address
    body: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    otherwise: int = 200
    anonymous: int = 401

    def expected(self, role: str) -> int:
        return self.anonymous if role == "anonymous" else self.answers.get(role, self.otherwise)

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


ENDPOINTS = [
    Endpoint("get", "cart"),
    Endpoint("put", "cart-item", "product", {"quantity": 1}),
    Endpoint("delete", "cart-item", "product", otherwise=204),
    Endpoint("post", "checkout", otherwise=400),  # of an empty cart
    Endpoint("get", "orders"),
    Endpoint("get", "order", "order", answers={"customer": 200}, otherwise=404),
    Endpoint("post", "order-cancel", "order", answers={"customer": 200}, otherwise=404),
    Endpoint("get", "vendor-order-items"),
    Endpoint(
        "post",
        "item-transition",
        "item",
        {"to": "processing"},
        {"viewer": 403, "manager": 200, "owner": 200},
        otherwise=404,
    ),
    Endpoint("get", "vendor-products"),
    Endpoint(
        "post",
        "vendor-products",
        "",
        {"title": "New", "price_cents": 100},
        {"other vendor": 201, "manager": 201, "owner": 201},
        otherwise=403,
    ),
    Endpoint(
        "patch",
        "vendor-product",
        "product",
        {"title": "Renamed"},
        {"viewer": 403, "manager": 200, "owner": 200},
        otherwise=404,
    ),
    Endpoint("post", "webhooks-stripe", body={"id": "evt_1"}, otherwise=400, anonymous=400),  # without a signature
]
# What a list shows, to those to whom it shows anything; everybody else gets an empty one.
LISTED = {
    "orders": {"customer"},
    "vendor-order-items": {"viewer", "manager", "owner"},
    "vendor-products": {"viewer", "manager", "owner"},
}


@pytest.fixture
def world() -> dict[str, Any]:
    """An item in an order, and everybody who might take an interest in it."""
    vendor = VendorFactory()
    people: dict[str, Any] = {
        "anonymous": None,
        "customer": UserFactory(),
        "other customer": UserFactory(),
        "other vendor": UserFactory(),
        "moderator": StaffFactory(groups=["Senior moderators", "Finance", "Operators"]),
        "admin": StaffFactory(is_superuser=True),
    }
    for role in Membership.Role.values:
        people[role] = UserFactory()
        Membership.objects.create(user=people[role], profile=vendor, role=role)
    other = VendorFactory(owner=people["other vendor"])
    OrderItemFactory(order__buyer=people["other customer"], product=ProductFactory(vendor=other))
    item = OrderItemFactory(order__buyer=people["customer"], product=ProductFactory(vendor=vendor))
    return {"people": people, "item": item, "order": item.order, "product": item.product}


def ask(endpoint: Endpoint, user: Any, about: object = None) -> Any:
    address = reverse(endpoint.name, args=[about] if endpoint.about else [])
    return getattr(api_client_for(user), endpoint.method)(address, endpoint.body)


def test_no_address_is_missing_from_the_table():
    assert {pattern.name for pattern in urlpatterns} == {endpoint.name for endpoint in ENDPOINTS}


def test_no_method_is_missing_from_the_table():
    for pattern in urlpatterns:
        view = pattern.callback.cls
        offered = {method for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
        assert offered == {endpoint.method for endpoint in ENDPOINTS if endpoint.name == pattern.name}, pattern.name


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_everybody_is_answered_as_the_table_says(world, endpoint, role):
    about = world[endpoint.about].pk if endpoint.about else None

    answer = ask(endpoint, world["people"][role], about)

    assert answer.status_code == endpoint.expected(role), answer.content


@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.about], ids=str)
def test_what_is_somebody_elses_is_answered_like_what_does_not_exist(world, endpoint, role):
    user = world["people"][role]
    missing = ask(endpoint, user, NOBODY)

    assert missing.status_code == 404
    if endpoint.expected(role) == 404:
        foreign = ask(endpoint, user, world[endpoint.about].pk)
        assert _without_id(foreign.json()) == _without_id(missing.json())


@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
@pytest.mark.parametrize("name", LISTED)
def test_lists_show_what_is_ones_own_alone(world, name, role):
    own = {"orders": world["order"], "vendor-order-items": world["item"], "vendor-products": world["product"]}[name]

    shown = {row["id"] for row in api_client_for(world["people"][role]).get(reverse(name)).json()["results"]}

    assert (str(own.pk) in shown) is (role in LISTED[name])
    assert len(shown) <= 1


def _without_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}
