"""Whoever gets past the triggers is found, and the entry that they touched is named."""

from datetime import timedelta

import pytest
from django.utils import timezone

from trustengine.audit import chain, sealing, verification
from trustengine.audit.models import Entry, Seal
from trustengine.audit.services import record
from trustengine.audit.tests.tampering import ABOUT, findings, forged, past_the_triggers, sealed_log, tamper
from trustengine.audit.verification import verify

pytestmark = pytest.mark.django_db


def test_an_intact_log_has_no_problems(monkeypatch):
    sealed_log(monkeypatch, seals=3, entries=2)
    record("thing.made", ABOUT)

    report = verify()

    assert report.is_intact
    assert (report.seals, report.entries, report.last_seal) == (3, 6, 3)
    assert report.last_hash == bytes(Seal.objects.get(number=3).hash)


def test_an_empty_log_is_intact():
    assert verify().is_intact


@pytest.mark.parametrize(
    "change",
    [
        "verb = 'forged'",
        "at = at - interval '1 microsecond'",
        "actor_kind = 'user', actor_id = gen_random_uuid()",
        "object_type = 'shop.other'",
        "object_id = '8'",
        "before = '{\"n\": null}'",
        "after = after || '{\"n\": -1}'",
        "reason = 'asked'",
        "request_id = 'r'",
        "job_id = gen_random_uuid()",
        "position = position + 1000000",
    ],
)
def test_a_changed_entry_is_named_whichever_column_was_changed(monkeypatch, change):
    entries = sealed_log(monkeypatch)

    tamper(f"UPDATE audit_entry SET {change} WHERE id = %s", [entries[2].pk])

    assert findings() == [("entry_changed", 2, entries[2].pk)]


def test_a_removed_entry_is_named(monkeypatch):
    entries = sealed_log(monkeypatch)

    tamper("DELETE FROM audit_entry WHERE id = %s", [entries[5].pk])

    assert findings() == [("entry_removed", 3, entries[5].pk)]


@pytest.mark.parametrize("position", [-5, 10**15], ids=["before all", "after all"])
def test_an_entry_inserted_past_the_triggers_is_named_wherever_it_stands(monkeypatch, position):
    sealed_log(monkeypatch)

    inserted = forged(position=position)

    assert findings() == [("entry_inserted", None, inserted)]


def test_an_entry_inserted_between_sealed_ones_is_named(monkeypatch):
    monkeypatch.setattr(verification, "POSITIONS_PER_BATCH", 2)
    entries = sealed_log(monkeypatch)
    with past_the_triggers() as cursor:  # a change that was rolled back left this place free
        cursor.execute("DELETE FROM audit_entry WHERE id = %s", [entries[3].pk])

    inserted = forged(position=entries[3].position)

    assert findings() == [("entry_removed", 2, entries[3].pk), ("entry_inserted", None, inserted)]


def test_an_entry_that_is_dated_back_before_older_seals_is_named(monkeypatch):
    monkeypatch.setattr(chain, "LONGEST_TRANSACTION", timedelta(0))
    for _ in range(3):
        record("thing.made", ABOUT)
        sealing.seal_batch()
    backdated = Entry.objects.create(
        verb="thing.made",
        object_type="shop.thing",
        object_id="7",
        actor_kind="system",
        at=timezone.now() - timedelta(days=30),
    )

    sealing.seal_batch()

    assert findings() == [("entry_backdated", 4, backdated.pk)]


def test_history_that_came_with_its_past_times_is_no_tampering(monkeypatch):
    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", 3)
    now = timezone.now()
    Entry.objects.bulk_create(
        Entry(
            verb="thing.made",
            object_type="shop.thing",
            object_id=str(n),
            actor_kind="system",
            at=now - timedelta(days=400 - n),
        )
        for n in range(10)
    )
    sealing.seal_waiting(seconds=5)

    assert findings() == []


def test_verifying_from_a_seal_on_leaves_out_what_was_sealed_before(monkeypatch):
    entries = sealed_log(monkeypatch)
    tamper("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[0].pk])

    assert findings(first=2) == []
    assert verify(first=2).entries == 4


def test_a_report_names_a_thousand_problems_and_counts_all(monkeypatch):
    monkeypatch.setattr(verification, "MOST_NAMED", 3)
    sealed_log(monkeypatch)

    tamper("UPDATE audit_entry SET verb = 'forged'")

    report = verify()
    assert (len(report.problems), report.found) == (3, 6)


def test_the_number_of_statements_does_not_grow_with_the_entries(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", 100)
    for n in range(2):
        record("thing.made", ABOUT, after={"n": n})
    sealing.seal_batch()
    with django_assert_num_queries(13):
        verify()
    for n in range(80):
        record("thing.made", ABOUT, after={"n": n})
    sealing.seal_batch()

    with django_assert_num_queries(13):
        verify()
