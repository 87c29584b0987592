from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
import structlog
from django.db import DatabaseError, IntegrityError, connection, transaction

from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.audit.services import draft, record
from trustengine.jobs.models import CronSlot
from trustengine.jobs.registry import handler_of, job
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue

ABOUT = ("shop.thing", 7)


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda entry: Entry.objects.update(verb="forged"),
        lambda entry: Entry(pk=entry.pk, at=entry.at, verb="forged", actor_kind="system").save(force_update=True),
        lambda entry: Entry.objects.all().delete(),
        lambda entry: entry.delete(),
        lambda entry: Entry.objects.bulk_update([entry], ["verb"]),
        lambda entry: execute("UPDATE audit_entry SET reason = 'forged'"),
        lambda entry: execute("DELETE FROM audit_entry"),
        lambda entry: execute("TRUNCATE audit_entry"),
        lambda entry: execute("TRUNCATE audit_entry CASCADE"),
        lambda entry: execute(
            "INSERT INTO audit_entry SELECT * FROM audit_entry ON CONFLICT (id) DO UPDATE SET verb = 'forged'"
        ),
        lambda entry: execute(
            "MERGE INTO audit_entry kept USING audit_entry given ON kept.id = given.id WHEN MATCHED THEN DELETE"
        ),
    ],
    ids=[
        "update",
        "save",
        "delete",
        "row",
        "bulk",
        "sql-update",
        "sql-delete",
        "truncate",
        "cascade",
        "upsert",
        "merge",
    ],
)
def test_an_entry_is_never_changed_or_removed(change):
    entry = record("thing.made", ABOUT)

    with pytest.raises(DatabaseError, match=r"Cannot .* rows from audit_entry table"), transaction.atomic():
        change(entry)

    assert Entry.objects.get().verb == "thing.made"


@pytest.mark.django_db
def test_an_entry_says_which_person_did_what_to_which_row():
    user = User.objects.create(subject="someone")

    record("thing.made", user, actor=user, before={"n": 1}, after={"n": 2}, reason="asked")

    entry = Entry.objects.get()
    assert (entry.actor_kind, entry.actor_id) == ("user", user.pk)
    assert (entry.verb, entry.object_type, entry.object_id) == ("thing.made", "accounts.user", str(user.pk))
    assert (entry.before, entry.after, entry.reason) == ({"n": 1}, {"n": 2}, "asked")


@pytest.mark.django_db
def test_without_a_person_the_system_did_it():
    record("thing.made", ABOUT)

    entry = Entry.objects.get()
    assert (entry.actor_kind, entry.actor_id, entry.before, entry.after) == ("system", None, {}, {})
    assert (entry.object_type, entry.object_id) == ("shop.thing", "7")


@pytest.mark.django_db
def test_ids_times_and_amounts_are_kept_as_text_also_deep_inside():
    identifier, moment = uuid4(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    record("thing.made", ABOUT, after={"id": identifier, "at": moment, "price": Decimal("1.50"), "ids": [identifier]})

    assert Entry.objects.get().after == {
        "id": str(identifier),
        "at": "2026-01-02T03:04:05Z",
        "price": "1.50",
        "ids": [str(identifier)],
    }


@pytest.mark.django_db
def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        record("thing.made", ABOUT, after={"thing": object()})


@pytest.mark.django_db
def test_a_person_without_an_id_is_refused():
    with pytest.raises(IntegrityError, match="audit_actor"):
        record("thing.made", ABOUT, actor=User(pk=None))


@pytest.mark.django_db
def test_an_entry_names_the_request_it_was_made_in():
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        record("thing.made", ABOUT)
    record("thing.made", ABOUT)

    assert list(Entry.objects.order_by("at").values_list("request_id", flat=True)) == ["r-1", ""]


@pytest.mark.django_db
def test_an_entry_names_the_job_it_was_made_by():
    @job()
    def make_thing_for_audit():
        record("thing.made", ABOUT)

    enqueued = enqueue(make_thing_for_audit)
    drain(handler_of(make_thing_for_audit).kind)

    assert Entry.objects.get().job_id == enqueued.pk


@pytest.mark.django_db
def test_an_entry_goes_with_the_change_that_is_rolled_back():
    with transaction.atomic():
        CronSlot.objects.create(schedule="a change", slot=datetime(2026, 1, 1, tzinfo=UTC))
        record("thing.made", ABOUT)
        transaction.set_rollback(True)

    assert not CronSlot.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_entries_about_many_rows_are_stored_by_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        Entry.objects.bulk_create(draft("thing.made", ("shop.thing", n), after={"n": n}) for n in range(50))

    assert sorted(Entry.objects.values_list("after__n", flat=True)) == list(range(50))
