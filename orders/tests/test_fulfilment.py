"""Steps of fulfilment over HTTP: tracking numbers, refusals, locks, lists, and what is counted."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from orders.models import OrderItem
from orders.tests.factories import OrderItemFactory, ProductFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import TryAgain
from trustengine.testing import api_client_for

ITEMS = "/api/v1/vendor/order-items/"


def vendor_item(**fields):
    """An item, its vendor's manager's client, and where the item is moved."""
    member = MembershipFactory(role=Membership.Role.MANAGER)
    item = OrderItemFactory(product=ProductFactory(vendor=member.profile), **fields)
    return item, api_client_for(member.user), f"{ITEMS}{item.pk}/transition/"


def counted(outcome: str) -> float:
    text = Client().get("/metrics").content.decode()
    found = re.search(rf'trustengine_order_status_derivations_total{{outcome="{outcome}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.django_db
@pytest.mark.parametrize(("present", "targets"), [*OrderItem.TRANSITIONS.items()])
def test_each_state_leads_where_the_contract_says_and_nowhere_else(present, targets):
    for to in OrderItem.Fulfilment.values:
        item, client, url = vendor_item(fulfilment_status=present)

        answer = client.post(url, {"to": to})

        if to == present:
            assert (answer.status_code, answer.json()["changed"]) == (200, False)
        elif to in targets:
            assert (answer.status_code, answer.json()["changed"]) == (200, True)
            assert answer.json()["item"]["fulfilment_status"] == to
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
            item.refresh_from_db()
            assert item.fulfilment_status == present


@pytest.mark.django_db
@pytest.mark.parametrize("to", ["lost", "SHIPPED", "", None, 3, ["shipped"], {}])
def test_a_word_that_is_no_state_is_invalid_input(to):
    _, client, url = vendor_item()

    answer = client.post(url, {"to": to})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")


@pytest.mark.django_db
def test_every_step_leaves_an_entry_that_names_the_order_and_no_tracking_number():
    item, client, url = vendor_item(fulfilment_status="processing")

    client.post(url, {"to": "shipped", "tracking_number": "SECRET-1"})

    moved = Entry.objects.get(verb="order_item.moved")
    assert (moved.before["fulfilment_status"], moved.after["fulfilment_status"]) == ("processing", "shipped")
    assert (moved.after["order"], moved.after["has_tracking_number"]) == (str(item.order_id), True)
    assert Entry.objects.get(verb="order.status_derived").after["item"] == str(item.pk)
    assert "SECRET" not in str(list(Entry.objects.values_list("before", "after")))


@pytest.mark.django_db
def test_repeating_a_state_corrects_the_tracking_number_and_changes_nothing_else():
    item, client, url = vendor_item(fulfilment_status="shipped", shipped_at=timezone.now())

    added = client.post(url, {"to": "shipped", "tracking_number": "T-1"}).json()
    kept = client.post(url, {"to": "shipped"}).json()
    corrected = client.post(url, {"to": "shipped", "tracking_number": " T-2 "}).json()

    assert [answer["changed"] for answer in (added, kept, corrected)] == [False] * 3
    assert [answer["item"]["tracking_number"] for answer in (added, kept, corrected)] == ["T-1", "T-1", "T-2"]
    assert [answer["item"]["shipped_at"] for answer in (added, corrected)] == [kept["item"]["shipped_at"]] * 2
    client.post(url, {"to": "shipped", "tracking_number": "T-2"})
    assert Entry.objects.filter(verb="order_item.tracking_corrected", object_id=item.pk).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["x" * 101, "two\0words", "bell\a", "\u202eevil", [], {}, True])
def test_a_tracking_number_that_is_none_is_invalid_input(number):
    item, client, url = vendor_item(fulfilment_status="processing")

    answer = client.post(url, {"to": "shipped", "tracking_number": number})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == "tracking_number"
    item.refresh_from_db()
    assert item.fulfilment_status == "processing"


@pytest.mark.django_db
def test_a_tracking_number_is_kept_on_one_line_and_only_for_what_is_on_its_way():
    _, client, url = vendor_item(fulfilment_status="processing")

    shipped = client.post(url, {"to": "shipped", "tracking_number": "  AB \t 12\n34 "}).json()
    refused = client.post(url, {"to": "returned", "tracking_number": "AB"})

    assert shipped["item"]["tracking_number"] == "AB 12 34"
    assert refused.status_code == 400


@pytest.mark.django_db
def test_a_suspended_member_moves_nothing():
    item, _, url = vendor_item()
    member = Membership.objects.get(profile=item.vendor).user
    member.suspended_at = timezone.now()
    member.save()

    answer = api_client_for(member).post(url, {"to": "processing"})

    assert (answer.status_code, answer.json()["code"]) == (403, "ACCOUNT_SUSPENDED")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["orders_order", "orders_orderitem"])
def test_who_waits_too_long_for_a_lock_is_told_to_try_again(table):
    item, client, url = vendor_item()
    locked = item.order_id if table == "orders_order" else item.pk
    before = counted("lock_timeout")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [locked])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        answer = client.post(url, {"to": "processing"})
        assert (answer.status_code, answer.json()["code"]) == (503, "TRY_AGAIN")
        assert int(answer["Retry-After"]) >= 1
        assert counted("lock_timeout") == before + 1
        other.rollback()
        assert client.post(url, {"to": "processing"}).json()["changed"] is True
    finally:
        other.close()
        connection.close()


@pytest.mark.django_db
def test_derivations_are_counted_and_timed():
    _, client, url = vendor_item()
    changed, unchanged = counted("changed"), counted("unchanged")

    for to in ("processing", "shipped", "delivered"):
        client.post(url, {"to": to})

    assert (counted("changed") - changed, counted("unchanged") - unchanged) == (2, 1)
    metrics = Client().get("/metrics").content.decode()
    assert "trustengine_order_status_derivation_seconds_bucket" in metrics


@pytest.mark.django_db
def test_vendors_filter_their_items_by_state_order_and_profile():
    member = MembershipFactory(role=Membership.Role.VIEWER)
    mine = [OrderItemFactory(product=ProductFactory(vendor=member.profile)) for _ in range(2)]
    second = MembershipFactory(user=member.user).profile
    theirs = OrderItemFactory(product=ProductFactory(vendor=second), fulfilment_status="shipped")
    stranger = OrderItemFactory(order=mine[0].order)
    client = api_client_for(member.user)

    def listed(**query):
        return {item["id"] for item in client.get(ITEMS, query).json()["results"]}

    assert listed() == {str(item.pk) for item in (*mine, theirs)}
    assert listed(fulfilment_status="shipped") == {str(theirs.pk)}
    assert listed(order=mine[0].order_id) == {str(mine[0].pk)}
    assert listed(profile=second.pk) == {str(theirs.pk)}
    assert listed(profile=stranger.vendor_id) == set()
    for wrong in ({"order": "x"}, {"profile": "x"}, {"fulfilment_status": "lost"}):
        assert client.get(ITEMS, wrong).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ITEMS, "/api/v1/orders/"])
def test_the_number_of_queries_does_not_grow_with_the_rows(path, django_assert_max_num_queries):
    member = MembershipFactory(role=Membership.Role.OWNER)
    client, vendor = api_client_for(member.user), member.profile

    def fill():
        for _ in range(4):
            item = OrderItemFactory(product=ProductFactory(vendor=vendor), order__buyer=member.user)
            OrderItemFactory(order=item.order, product=ProductFactory(vendor=vendor))

    fill()
    with django_assert_max_num_queries(12) as before:
        assert client.get(path).json()["results"]
    fill()
    with django_assert_max_num_queries(len(before)):
        client.get(path)


@pytest.mark.django_db
def test_pages_follow_one_another_without_gap_or_repeat():
    member = MembershipFactory(role=Membership.Role.VIEWER)
    product = ProductFactory(vendor=member.profile)
    everything = {str(OrderItemFactory(product=product).pk) for _ in range(7)}
    client, seen, url = api_client_for(member.user), [], f"{ITEMS}?page_size=3"
    while url:
        page = client.get(url).json()
        seen += [item["id"] for item in page["results"]]
        url = page["next"]

    assert len(seen) == len(everything)
    assert set(seen) == everything
    assert seen == sorted(seen, reverse=True)


@pytest.mark.django_db
def test_an_item_of_nobody_is_not_found():
    assert (
        api_client_for(UserFactory()).post(f"{ITEMS}{UserFactory().pk}/transition/", {"to": "shipped"}).status_code
        == 404
    )


@pytest.mark.django_db
def test_an_item_does_not_move_without_its_order(monkeypatch):
    item, client, url = vendor_item()

    def fail(*given, **named):
        raise TryAgain

    monkeypatch.setattr("orders.services.fulfilment.derive_order_status", fail)
    assert client.post(url, {"to": "processing"}).status_code == 503
    item.refresh_from_db()
    assert item.fulfilment_status == "pending"
    assert not Entry.objects.filter(verb="order_item.moved").exists()
