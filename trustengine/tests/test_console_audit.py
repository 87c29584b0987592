"""The audit log in the console: readable, searchable, and quick on a long log."""

from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.admin import BoundedPaginator
from trustengine.audit import reading
from trustengine.audit.admin import known_verbs
from trustengine.audit.models import Entry
from trustengine.audit.services import record

pytestmark = pytest.mark.django_db

LOG = "/admin/audit/entry/"


@pytest.fixture
def reader(client):
    client.force_login(StaffFactory(permissions=["audit.view_entry"]))
    return client


def found(client, **query):
    answer = client.get(LOG, query)
    assert answer.status_code == 200
    return {entry.pk for entry in answer.context["cl"].result_list}


def page(entry):
    return reverse("admin:audit_entry_change", args=[entry.pk])


def test_before_and_after_are_shown_as_a_diff(reader):
    entry = record(
        "order.status_derived",
        ("orders.order", uuid4()),
        before={"status": "confirmed", "delivered_at": None, "is_late": False, "currency": "EUR"},
        after={"status": "shipped", "delivered_at": timezone.now(), "is_late": True, "currency": "EUR", "items": ["a"]},
    )

    content = reader.get(page(entry)).content.decode()

    assert "Order status derived" in content
    assert "<del>confirmed</del>" in content
    assert "<ins>shipped</ins>" in content
    assert "<del>no</del>" in content
    assert "<ins>yes</ins>" in content
    assert "<del>EUR</del>" not in content


def test_changed_members_come_before_those_that_stayed():
    entry = Entry(before={"same": 1, "other": 2}, after={"same": 1, "other": 3, "new": None})

    shown = [(change.name, change.before, change.after) for change in reading.changes(entry)]

    assert shown == [("other", "2", "3"), ("new", "", "none"), ("same", "1", "1")]


def test_times_and_ids_read_well_and_odd_values_do_no_harm():
    odd = {"when": "2026-02-30T10:00:00Z", "text": "2026", "deep": {"a": [1, {"b": None}]}, "many": []}

    values = {change.name: change.after for change in reading.changes(Entry(after=odd))}

    assert values == {"when": "2026-02-30T10:00:00Z", "text": "2026", "deep": "a: 1, b: none", "many": "none"}
    assert reading.Change("id", "", "01900000-0000-7000-8000-00000000abcd").brief == ("", "0000abcd")


def test_recorded_values_are_escaped(reader):
    entry = record("review.approved", ("reviews.review", "1"), after={"<b>x": "<script>alert(1)</script>"})

    for address in (page(entry), LOG):
        assert "<script>alert" not in reader.get(address).content.decode()


@pytest.mark.parametrize("by", ["object", "actor", "job", "request", "name", "verb", "words", "reason"])
def test_entries_are_found_by_what_one_has_at_hand(reader, by):
    person = StaffFactory(username="Maria")
    entry = Entry.objects.create(
        verb="order_item.moved",
        object_type="orders.orderitem",
        object_id=str(uuid4()),
        actor_kind="user",
        actor_id=person.pk,
        job_id=uuid4(),
        request_id="req-12345678",
        reason="off_topic",
    )
    record("review.approved", ("reviews.review", uuid4()))
    terms = {
        "object": entry.object_id,
        "actor": str(person.pk).upper(),
        "job": str(entry.job_id),
        "request": "req-12345678",
        "name": "maria",
        "verb": "order_item.mo",
        "words": "order_item moved",
        "reason": "off_topic",
    }

    assert found(reader, q=terms[by]) == {entry.pk}


def test_customers_are_not_found_by_their_names(reader):
    customer = UserFactory(username="jane")
    record("review.submitted", ("reviews.review", uuid4()), actor=customer)

    assert found(reader, q="jane") == set()


def test_entries_are_filtered_by_verb_kind_of_actor_and_day(reader):
    person = StaffFactory()
    one = record("review.approved", ("reviews.review", 1), actor=person)
    other = record("review.screened", ("reviews.review", 1))
    today = f"{timezone.localdate():%Y-%m-%d}"

    assert found(reader, verb="review.approved") == {one.pk}
    assert found(reader, actor_kind__exact="system") == {other.pk}
    assert found(reader, at_from=today) == {one.pk, other.pk}
    assert found(reader, at_from=today, at_to=today) == {one.pk, other.pk}
    assert found(reader, at_to="2020-01-01") == set()
    assert found(reader, at_from="no day", at_to="9999-12-31") == {one.pk, other.pk}


def test_an_actor_whose_account_is_gone_is_said_to_be_gone(reader):
    entry = Entry.objects.create(
        verb="x.y", object_type="reviews.review", object_id="1", actor_kind="user", actor_id=uuid4()
    )

    assert "who is gone" in reader.get(page(entry)).content.decode()
    assert "who is gone" in reader.get(LOG).content.decode()


def test_an_entry_about_something_unknown_has_no_link_and_still_opens(reader):
    entry = record("thing.done", ("no.such_thing", "42"))

    assert reader.get(page(entry)).status_code == 200
    assert reading.object_page(entry, StaffFactory(is_superuser=True)) == ""


def test_the_known_verbs_are_those_that_occur_each_once():
    assert known_verbs() == []
    for verb in ("b.b", "a.a", "b.b", "c.c"):
        record(verb, ("x.y", 1))

    assert known_verbs() == ["a.a", "b.b", "c.c"]


def test_the_list_takes_a_constant_number_of_queries(reader, django_assert_max_num_queries):
    def fill():
        for _ in range(3):
            record("review.approved", ("reviews.review", uuid4()), actor=StaffFactory())

    fill()
    reader.get(LOG)
    with django_assert_max_num_queries(20) as before:
        reader.get(LOG)
    fill()
    with django_assert_max_num_queries(len(before)):
        reader.get(LOG)


def test_a_long_list_is_counted_to_a_bound(monkeypatch, reader):
    monkeypatch.setattr(BoundedPaginator, "BOUND", 5)
    for _ in range(9):
        record("a.a", ("x.y", 1))

    assert BoundedPaginator(Entry.objects.order_by("at"), 2).count == 5
    assert "the first 5" in reader.get(LOG).content.decode()


def test_the_log_is_read_along_its_index_and_not_as_a_whole():
    Entry.objects.bulk_create(
        [Entry(verb="a.a", object_type="x.y", object_id=str(n), actor_kind="system") for n in range(3_000)]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_entry")

    plan = Entry.objects.order_by("-at", "-id")[:50].explain()

    assert "Index Scan Backward using audit_at" in plan
