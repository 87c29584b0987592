"""Orders and products in the console."""

import pytest
from django.urls import reverse

from orders.services import transition_item
from orders.tests.checkout_factories import checked_out
from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory

pytestmark = pytest.mark.django_db

ORDERS, PRODUCTS = "/admin/orders/order/", "/admin/orders/product/"


@pytest.fixture
def console(client):
    client.force_login(StaffFactory(groups=["Moderators"]))
    return client


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def page(row):
    return reverse(f"admin:orders_{row._meta.model_name}_change", args=[row.pk])


def test_an_order_shows_its_items_their_sum_and_what_happened_to_them(console):
    owner = UserFactory()
    item = OrderItemFactory(product=ProductFactory(vendor=VendorFactory(owner=owner)), quantity=2)
    transition_item(item.pk, to="processing", actor=owner)
    transition_item(item.pk, to="shipped", actor=owner, tracking_number="TRACK-1")

    content = text(console.get(page(item.order)))

    assert "39.98 EUR" in content
    assert "TRACK-1" in content
    assert page(item.product) in content
    assert "Order item moved" in content
    assert "Order status derived" in content


def test_customers_are_named_only_to_those_who_may_know_profiles(client):
    item = OrderItemFactory(order__buyer=UserFactory(display_name="Jane Doe"))

    client.force_login(StaffFactory(groups=["Moderators"]))
    assert "Jane" not in text(client.get(ORDERS)) + text(client.get(page(item.order)))

    client.force_login(StaffFactory(groups=["Finance"]))
    assert "Jane Doe" in text(client.get(ORDERS))
    assert "Jane Doe" in text(client.get(page(item.order)))


@pytest.mark.parametrize("by", ["order", "item", "customer", "last letters"])
def test_orders_are_found_by_ids(console, by):
    item, _ = OrderItemFactory(), OrderItemFactory()
    order = item.order
    terms = {"order": order.pk, "item": item.pk, "customer": order.customer_id, "last letters": str(order.pk)[-8:]}

    assert list(console.get(ORDERS, {"q": terms[by]}).context["cl"].result_list) == [order]


def test_a_product_shows_its_rating_and_its_latest_reviews(console):
    review = approved_review(rating=4, title="Sturdy")

    assert "4.00 (1)" in text(console.get(PRODUCTS))
    content = text(console.get(page(review.product)))
    assert "Sturdy" in content
    assert "data-average>4.00<" in content


def test_a_product_shows_what_is_left_of_it_and_the_checkouts_that_hold_the_rest(console):
    product = ProductFactory(stock=9)
    checkout = checked_out(product, quantity=4).checkout
    checked_out(product, quantity=2)

    assert "9 (6 reserved)" in text(console.get(PRODUCTS))
    content = text(console.get(page(product)))
    assert "data-reserved>6<" in content
    assert "data-available>3<" in content
    assert str(checkout) in content


def test_a_product_in_many_checkouts_shows_those_that_end_soonest(console):
    product = ProductFactory(stock=99)
    first, *_ = [checked_out(product).checkout for _ in range(11)]

    content = text(console.get(page(product)))

    assert content.count("<td>checkout ") == 10
    assert str(first) in content
    assert "Those that end soonest" in content


def test_who_may_not_read_reviews_sees_the_rating_and_no_texts(client):
    review = approved_review(title="Sturdy")
    client.force_login(StaffFactory(groups=["Finance"]))

    content = text(client.get(page(review.product)))

    assert "Sturdy" not in content
    assert "data-average" in content


def test_titles_and_descriptions_are_escaped(console):
    product = ProductFactory(title="<script>alert(1)</script>", description="<img src=x onerror=alert(1)>")
    item = delivered_purchase(product=product)
    approved_review(item)

    for address in (PRODUCTS, page(product), page(item.order), "/admin/reviews/review/"):
        content = text(console.get(address))
        assert "<script>alert" not in content
        assert "<img src=x" not in content


@pytest.mark.parametrize("address", [ORDERS, PRODUCTS])
def test_the_number_of_queries_does_not_grow_with_the_rows(console, django_assert_max_num_queries, address):
    def fill():
        for _ in range(3):
            item = delivered_purchase()
            approved_review(item)
            OrderItemFactory(order=item.order)

    fill()
    console.get(address)
    with django_assert_max_num_queries(20) as before:
        console.get(address)
    fill()
    with django_assert_max_num_queries(len(before)):
        console.get(address)


def test_members_of_a_vendor_gain_nothing_in_the_console(client):
    item = OrderItemFactory()
    customer = buyer_of(item)
    Membership.objects.create(user=customer, profile=item.vendor, role="owner")
    client.force_login(customer)

    assert client.get(page(item.order)).status_code == 302
