import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import MOST_STOCK, Product
from orders.services import update_product
from orders.tests.checkout_factories import checked_out, stock_of
from orders.tests.factories import ProductFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for, at_once

pytestmark = pytest.mark.django_db

URL = "/api/v1/vendor/products/"
POT = {"title": "Moka pot", "price_cents": 3_490}
MANAGER = Membership.Role.MANAGER


@pytest.fixture
def manager():
    return MembershipFactory(role=MANAGER)


def test_a_vendor_offers_a_product_and_everybody_finds_it(manager, settings):
    settings.MARKETPLACE_CURRENCY = "CHF"
    answer = api_client_for(manager.user).post(URL, POT | {"stock": 3})

    assert answer.status_code == 201, answer.json()
    product = answer.json()
    assert (product["vendor"], product["currency"]) == (str(manager.profile.pk), "CHF")
    assert (product["stock"], product["reserved"], product["available"]) == (3, 0, 3)
    found = api_client_for().get("/api/v1/products/", {"search": "moka"}).json()["results"]
    assert [(one["id"], one["in_stock"]) for one in found] == [(product["id"], True)]
    (entry,) = Entry.objects.filter(verb="product.created")
    assert entry.after["price_cents"] == 3_490
    assert "Moka" not in str(entry.after)


def test_stock_is_not_tracked_unless_it_is_given(manager):
    product = api_client_for(manager.user).post(URL, POT).json()

    assert (product["stock"], product["available"]) == (None, None)


def test_who_sells_for_several_vendors_names_one(manager):
    other = MembershipFactory(user=manager.user, role=Membership.Role.OWNER)
    client = api_client_for(manager.user)

    unclear = client.post(URL, POT)
    assert (unclear.status_code, unclear.json()["code"]) == (400, "INVALID_INPUT")
    assert unclear.json()["errors"][0]["field"] == "vendor"
    assert client.post(URL, POT | {"vendor": str(other.profile.pk)}).json()["vendor"] == str(other.profile.pk)


@pytest.mark.parametrize(
    ("role", "status"),
    [(Membership.Role.OWNER, 200), (MANAGER, 200), (Membership.Role.VIEWER, 403), (None, 404)],
)
def test_who_may_change_a_vendors_products(role, status):
    product, user = ProductFactory(), UserFactory()
    if role:
        MembershipFactory(user=user, profile=product.vendor, role=role)
    client = api_client_for(user)

    assert client.patch(f"{URL}{product.pk}/", {"price_cents": 1}).status_code == status
    named = client.post(URL, POT | {"vendor": str(product.vendor_id)})
    assert named.status_code == (201 if status == 200 else status)
    listed = [one["id"] for one in client.get(URL).json()["results"]]
    assert (str(product.pk) in listed) == (role is not None)


def test_who_sells_for_nobody_offers_nothing():
    user = UserFactory()

    assert api_client_for(user).post(URL, POT).json()["code"] == "PERMISSION_DENIED"
    own = api_client_for(user).post(URL, POT | {"vendor": str(user.customer_profile.pk)})
    assert own.json()["code"] == "NOT_FOUND"
    assert api_client_for().get(URL).status_code == 401


def test_a_suspended_vendor_changes_nothing(manager):
    product = ProductFactory(vendor=manager.profile)
    manager.user.suspended_at = "2026-01-01T00:00Z"
    manager.user.save()
    client = api_client_for(manager.user)

    assert client.patch(f"{URL}{product.pk}/", {"price_cents": 1}).json()["code"] == "ACCOUNT_SUSPENDED"
    assert client.post(URL, POT).json()["code"] == "ACCOUNT_SUSPENDED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_cents", -1),
        ("price_cents", 10**12 + 1),
        ("price_cents", None),
        ("stock", -1),
        ("stock", MOST_STOCK + 1),
        ("currency", "eur"),
        ("currency", "XQX"),
        ("currency", ""),
        ("title", ""),
        ("title", "x" * 201),
        ("description", None),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(manager, field, value):
    product = ProductFactory(vendor=manager.profile)
    client = api_client_for(manager.user)

    for answer in (client.post(URL, POT | {field: value}), client.patch(f"{URL}{product.pk}/", {field: value})):
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
        assert answer.json()["errors"][0]["field"] == field


def test_a_price_that_no_card_can_pay_is_refused(manager):
    client = api_client_for(manager.user)

    assert client.post(URL, POT | {"price_cents": 1_005, "currency": "KWD"}).status_code == 400
    assert client.post(URL, POT | {"price_cents": 1_010, "currency": "KWD"}).status_code == 201


def test_a_change_leaves_what_is_absent_and_the_audit_tells_what_became_of_what(manager):
    product = ProductFactory(vendor=manager.profile, title="Old", price_cents=500, stock=4)

    changed = api_client_for(manager.user).patch(f"{URL}{product.pk}/", {"price_cents": 400, "title": "New"}).json()

    assert (changed["price_cents"], changed["title"], changed["stock"]) == (400, "New", 4)
    (entry,) = Entry.objects.filter(verb="product.changed")
    assert (entry.before, entry.after) == ({"price_cents": 500}, {"price_cents": 400, "rewritten": ["title"]})
    assert entry.actor_id == manager.user.pk


def test_a_change_to_what_is_so_already_leaves_no_trace(manager):
    product = ProductFactory(vendor=manager.profile, stock=4)

    api_client_for(manager.user).patch(f"{URL}{product.pk}/", {"stock": 4, "price_cents": product.price_cents})

    assert not Entry.objects.filter(verb="product.changed").exists()


def test_stock_never_falls_below_what_is_reserved(manager):
    product = ProductFactory(vendor=manager.profile, stock=5)
    checked_out(product, quantity=3)
    client, url = api_client_for(manager.user), f"{URL}{product.pk}/"

    for change in ({"stock": 2}, {"stock_change": -3}):
        refused = client.patch(url, change)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
        assert refused.json()["errors"][0]["field"] == next(iter(change))
        assert "3 pieces are reserved" in refused.json()["errors"][0]["message"]
    assert client.patch(url, {"stock": 3}).json()["available"] == 0


@pytest.mark.parametrize(
    "change", [{"stock_change": 1, "stock": 1}, {"stock_change": -6}, {"stock_change": MOST_STOCK}]
)
def test_a_change_of_stock_that_makes_no_sense_is_refused(manager, change):
    product = ProductFactory(vendor=manager.profile, stock=5)

    refused = api_client_for(manager.user).patch(f"{URL}{product.pk}/", change)

    assert refused.json()["errors"][0]["field"] == "stock_change"
    assert stock_of(product) == (5, 0)


def test_stock_that_is_not_tracked_cannot_change_but_be_set(manager):
    product = ProductFactory(vendor=manager.profile, stock=None)
    client, url = api_client_for(manager.user), f"{URL}{product.pk}/"

    assert client.patch(url, {"stock_change": 1}).status_code == 400
    assert client.patch(url, {"stock": 7}).json()["available"] == 7
    assert client.patch(url, {"stock": None}).json()["available"] is None


@pytest.mark.django_db(transaction=True)
def test_changes_of_stock_add_up_however_many_come_at_once(manager):
    product = ProductFactory(vendor=manager.profile, stock=100)
    calls = [
        lambda by=by: update_product(product.pk, actor=manager.user, changes={"stock_change": by})
        for by in (5, -3, 7, -2, 1, 10, -8, 4)
    ]

    outcomes = at_once(*calls)

    assert all(isinstance(one, Product) for one in outcomes), outcomes
    assert stock_of(product) == (114, 0)


def test_a_vendors_products_are_found_by_words_state_and_stock_and_put_in_order(manager):
    vendor, client = manager.profile, api_client_for(manager.user)
    sold_out = ProductFactory(vendor=vendor, title="Blue cup", price_cents=300, stock=0)
    inactive = ProductFactory(vendor=vendor, title="Red cup", price_cents=200, is_active=False)
    plenty = ProductFactory(vendor=vendor, title="Plate", price_cents=100, stock=9)
    ProductFactory()

    def ids(**query):
        return [one["id"] for one in client.get(URL, query).json()["results"]]

    assert ids(search="CUP blue") == [str(sold_out.pk)]
    assert ids(is_active="false") == [str(inactive.pk)]
    assert set(ids(in_stock="true")) == {str(inactive.pk), str(plenty.pk)}
    assert ids(in_stock="false") == [str(sold_out.pk)]
    assert ids(vendor=str(VendorFactory().pk)) == []
    assert ids(ordering="price") == [str(one.pk) for one in (plenty, inactive, sold_out)]
    assert ids(ordering="title") == [str(one.pk) for one in (sold_out, plenty, inactive)]
    assert client.get(URL, {"ordering": "stock"}).status_code == 400


def test_the_number_of_queries_does_not_grow_with_the_products(manager):
    client = api_client_for(manager.user)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(URL)
        return len(captured)

    ProductFactory.create_batch(3, vendor=manager.profile)
    before = queries()
    ProductFactory.create_batch(3, vendor=manager.profile)
    assert queries() == before
