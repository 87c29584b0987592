import pytest

from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.testing import api_client_for


@pytest.mark.django_db
def test_customers_see_their_own_orders_and_nobody_elses():
    mine = OrderItemFactory(order__buyer=(buyer := UserFactory()), quantity=3, unit_price_cents=250).order
    other = OrderFactory()
    client = api_client_for(buyer)

    listed = client.get("/api/v1/orders/").json()["results"]
    assert [order["id"] for order in listed] == [str(mine.pk)]
    assert listed[0]["total_cents"] == 750
    assert client.get(f"/api/v1/orders/{mine.pk}/").status_code == 200
    foreign, missing = client.get(f"/api/v1/orders/{other.pk}/"), client.get(f"/api/v1/orders/{buyer.pk}/")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["code"] == missing.json()["code"] == "NOT_FOUND"
    assert api_client_for().get("/api/v1/orders/").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "status"),
    [(Membership.Role.OWNER, 200), (Membership.Role.MANAGER, 200), (Membership.Role.VIEWER, 403), (None, 404)],
)
def test_who_may_move_an_item(role, status):
    vendor, user = VendorFactory(), UserFactory()
    if role:
        MembershipFactory(user=user, profile=vendor, role=role)
    item = OrderItemFactory(product=ProductFactory(vendor=vendor))
    client = api_client_for(user)

    answer = client.post(f"/api/v1/vendor/order-items/{item.pk}/transition/", {"to": "processing"})

    assert answer.status_code == status
    assert len(client.get("/api/v1/vendor/order-items/").json()["results"]) == (0 if role is None else 1)


@pytest.mark.django_db
def test_an_item_moves_step_by_step():
    member = MembershipFactory(role=Membership.Role.OWNER)
    item = OrderItemFactory(product=ProductFactory(vendor=member.profile))
    client, url = api_client_for(member.user), f"/api/v1/vendor/order-items/{item.pk}/transition/"

    assert client.post(url, {"to": "processing"}).json()["changed"] is True
    assert client.post(url, {"to": "processing"}).json()["changed"] is False
    refused = client.post(url, {"to": "delivered"})
    assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_TRANSITION")
    unknown = client.post(url, {"to": "lost"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "INVALID_INPUT")
    shipped = client.post(url, {"to": "shipped", "tracking_number": "T-1"}).json()
    assert (shipped["order_status"], shipped["item"]["tracking_number"]) == ("shipped", "T-1")
    assert client.get("/api/v1/vendor/order-items/", {"fulfilment_status": "pending"}).json()["results"] == []
    bad = client.get("/api/v1/vendor/order-items/", {"fulfilment_status": "lost"})
    assert (bad.status_code, bad.json()["code"]) == (400, "INVALID_INPUT")
