import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.services import put_in_cart, start_checkout
from orders.tests.checkout_factories import cart, cart_contents, checked_out
from orders.tests.factories import ProductFactory
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import InvalidInput, PermissionDenied
from trustengine.testing import api_client_for, at_once

pytestmark = pytest.mark.django_db

CART = "/api/v1/cart/"


def place(product):
    return f"{CART}items/{product.pk}/"


def test_a_cart_shows_prices_of_now_and_a_total_for_each_currency():
    pot, cup = ProductFactory(price_cents=500), ProductFactory(price_cents=300, currency="CHF")
    client = api_client_for(cart(pot, cup, quantity=2))
    pot.price_cents = 400
    pot.save()

    shown = client.get(CART).json()

    first = shown["items"][0]
    assert (first["product"], first["title"], first["vendor"]) == (str(pot.pk), pot.title, str(pot.vendor_id))
    assert (first["quantity"], first["unit_price_cents"], first["total_cents"]) == (2, 400, 800)
    assert (first["is_active"], first["in_stock"]) == (True, True)
    assert shown["totals"] == [{"amount_cents": 600, "currency": "CHF"}, {"amount_cents": 800, "currency": "EUR"}]


def test_putting_a_product_in_again_sets_its_quantity():
    product, buyer = ProductFactory(), UserFactory()
    client = api_client_for(buyer)

    assert client.put(place(product), {"quantity": 2}).status_code == 200
    again = client.put(place(product), {"quantity": 20})

    assert (again.status_code, again.json()["quantity"]) == (200, 20)
    assert cart_contents(buyer) == {product.pk: 20}


@pytest.mark.parametrize("quantity", [0, 21, -1, None, "many", 1.5, True, 10**30, [1]])
def test_a_quantity_is_a_whole_number_from_1_to_20(quantity):
    buyer = UserFactory()

    refused = api_client_for(buyer).put(place(ProductFactory()), {"quantity": quantity})

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert cart_contents(buyer) == {}


def test_what_is_taken_out_is_gone_and_taking_it_out_again_is_no_error():
    product, buyer = ProductFactory(), UserFactory()
    cart(product, ProductFactory(), buyer=buyer)
    client = api_client_for(buyer)

    assert [client.delete(place(product)).status_code for _ in range(2)] == [204, 204]
    assert len(client.get(CART).json()["items"]) == 1


def test_an_unknown_product_is_not_found():
    client, nothing = api_client_for(user := UserFactory()), f"{CART}items/{UserFactory().pk}/"

    assert client.put(nothing, {"quantity": 1}).json()["code"] == "NOT_FOUND"
    assert client.delete(nothing).json()["code"] == "NOT_FOUND"
    assert cart_contents(user) == {}


def test_what_is_no_longer_offered_cannot_be_put_in_and_is_marked_where_it_lies():
    product = ProductFactory()
    client = api_client_for(cart(product))
    product.is_active = False
    product.save()

    refused = client.put(place(product), {"quantity": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "PRODUCT_INACTIVE")
    assert client.get(CART).json()["items"][0]["is_active"] is False
    assert client.delete(place(product)).status_code == 204


def test_what_others_have_reserved_is_not_in_stock():
    product = ProductFactory(stock=3)
    client = api_client_for(cart(product, quantity=2))
    checked_out(product, quantity=2)

    assert client.get(CART).json()["items"][0]["in_stock"] is False


def test_a_cart_is_its_owners_alone():
    product = ProductFactory()
    buyer = cart(product)
    client = api_client_for(UserFactory())

    assert client.get(CART).json() == {"items": [], "totals": []}
    client.delete(place(product))
    assert cart_contents(buyer) == {product.pk: 1}
    assert api_client_for().get(CART).status_code == 401


def test_the_suspended_look_and_do_not_touch():
    product = ProductFactory()
    buyer = cart(product)
    buyer.suspended_at = "2026-01-01T00:00Z"
    buyer.save()
    client = api_client_for(buyer)

    assert len(client.get(CART).json()["items"]) == 1
    for refused in (client.put(place(product), {"quantity": 2}), client.delete(place(product))):
        assert (refused.status_code, refused.json()["code"]) == (403, "ACCOUNT_SUSPENDED")


def test_an_account_that_is_no_customer_has_no_cart():
    operator = User.objects.create_user(
        "operator", password="a long password"
    )  # a request of theirs would make them one

    with pytest.raises(PermissionDenied):
        put_in_cart(ProductFactory().pk, quantity=1, actor=operator)
    with pytest.raises(PermissionDenied):
        start_checkout(actor=operator)


def test_a_cart_holds_so_many_products_and_no_more(settings):
    settings.CART_PRODUCTS = 2
    first, second = ProductFactory(), ProductFactory()
    client = api_client_for(cart(first, second))

    refused = client.put(place(ProductFactory()), {"quantity": 1})

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert client.put(place(second), {"quantity": 3}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_neither_double_a_row_nor_overfill_the_cart(settings):
    settings.CART_PRODUCTS = 3
    buyer, products = UserFactory(), ProductFactory.create_batch(4)

    outcomes = at_once(
        *[
            lambda product=product, quantity=quantity: put_in_cart(product.pk, quantity=quantity, actor=buyer)
            for product in products
            for quantity in (1, 2)
        ]
    )

    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert len(cart_contents(buyer)) == 3
    assert {type(one) for one in refused} == {InvalidInput}
    assert len(refused) == 2


def test_the_number_of_queries_does_not_grow_with_the_cart():
    client = api_client_for(buyer := UserFactory())

    def queries():
        with CaptureQueriesContext(connection) as captured:
            client.get(CART)
        return len(captured)

    cart(*ProductFactory.create_batch(3), buyer=buyer)
    before = queries()
    cart(*ProductFactory.create_batch(3), buyer=buyer)
    assert queries() == before
