import hashlib
import json
import threading
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from trustengine.audit import sealing
from trustengine.audit.digests import ENTRY_DIGEST, is_ours, seal_hash, sign
from trustengine.audit.models import Entry, Seal, Unsealed
from trustengine.audit.sealing import seal_batch, seal_waiting
from trustengine.audit.services import draft, record
from trustengine.audit.tests.tampering import ABOUT, findings, past_the_triggers, sealed_log
from trustengine.jobs.registry import handler_of
from trustengine.jobs.services import enqueue
from trustengine.testing import at_once, run_due_jobs


def sealed_ids():
    return [key for ids in Seal.objects.order_by("number").values_list("entry_ids", flat=True) for key in ids]


@pytest.mark.django_db
def test_an_entry_waits_until_a_seal_names_it():
    entries = [record("thing.made", ABOUT), *Entry.objects.bulk_create([draft("thing.made", ABOUT) for _ in range(2)])]
    assert set(Unsealed.objects.values_list("entry_id", flat=True)) == {entry.pk for entry in entries}

    seal = seal_batch()

    assert seal.entry_ids == [entry.pk for entry in entries]
    assert (seal.number, seal.count, seal.first_position, seal.last_position) == (
        1,
        3,
        entries[0].position,
        entries[2].position,
    )
    assert not Unsealed.objects.exists()
    assert seal_batch() is None


@pytest.mark.django_db
def test_each_seal_names_the_one_before(monkeypatch):
    sealed_log(monkeypatch)

    first, second, third = Seal.objects.order_by("number")
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert bytes(first.previous_hash) == bytes(32)
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    assert is_ours(bytes(third.hash), bytes(third.signature))


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_an_entrys_digest_can_be_computed_without_the_database_and_in_any_session(zone):
    entry = Entry.objects.create(
        id=UUID("01900000-0000-7000-8000-0000000000AB"),
        position=9,
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        actor_kind="user",
        actor_id=UUID("01900000-0000-7000-8000-0000000000cd"),
        verb="thing.made",
        object_type="shop.thing",
        object_id='7 "é"\n',
        before={"name": None, "n": 1.5},
        after={"b": [1, True], "aa": {"x": "ü"}},
        request_id="r-1",
    )
    parts = [
        '"01900000-0000-7000-8000-0000000000ab", 9, 1767323045678901, "user"',
        '"01900000-0000-7000-8000-0000000000cd", "thing.made", "shop.thing"',
        json.dumps(entry.object_id, ensure_ascii=False),
        '{"n": 1.5, "name": null}, {"b": [1, true], "aa": {"x": "ü"}}, "", "r-1", null',
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = %s", [zone])
        cursor.execute("SET LOCAL DateStyle = 'SQL, DMY'")
        cursor.execute(f"SELECT {ENTRY_DIGEST} FROM audit_entry entry")
        (digest,) = cursor.fetchone()

    assert bytes(digest) == hashlib.sha256(f"[{', '.join(parts)}]".encode()).digest()


def test_a_seals_hash_and_signature_stay_what_they_are(settings):
    """These are stored for good: a change here would make every seal look forged."""
    settings.AUDIT_KEYS = ["key"]
    hashed = seal_hash(
        number=2,
        sealed_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        first=1,
        last=5,
        count=4,
        digest=bytes(range(32)),
        previous=bytes(32),
    )

    members = f'[2, 1767323045678901, 1, 5, 4, "{bytes(range(32)).hex()}", "{"00" * 32}"]'
    assert hashed == hashlib.sha256(members.encode()).digest()
    assert sign(hashed).hex() == "e59941f755ff995b5e049e2e9019c1b9813f3cd394cfbe249d5f77cb7a8c1ba0"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    ["UPDATE audit_seal SET number = 9", "DELETE FROM audit_seal", "TRUNCATE audit_seal"],
    ids=["update", "delete", "truncate"],
)
def test_a_seal_is_never_changed_or_removed(monkeypatch, change):
    sealed_log(monkeypatch)

    with (
        pytest.raises(DatabaseError, match=r"Cannot .* rows from audit_seal table"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)

    assert findings() == []


@pytest.mark.django_db
def test_the_scheduled_job_seals_all_that_waits(monkeypatch):
    from trustengine.audit.jobs import seal_entries

    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", 10)
    Entry.objects.bulk_create([draft("thing.made", ABOUT) for _ in range(25)])

    job = enqueue(seal_entries)
    run_due_jobs()

    job.refresh_from_db()
    assert job.job_result == {"sealed": 25}
    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [10, 10, 5]
    assert handler_of(seal_entries).atomic is False


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain(monkeypatch):
    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", 5)
    entries = Entry.objects.bulk_create([draft("thing.made", ABOUT) for _ in range(100)])

    at_once(*[partial(seal_waiting, seconds=20)] * 4)
    seal_waiting(seconds=20)

    assert sorted(sealed_ids()) == sorted(entry.pk for entry in entries)
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_after_later_ones_were_sealed_is_sealed_next():
    recorded, go_on = threading.Event(), threading.Event()

    def slow_change():
        with transaction.atomic():
            entry = record("thing.made", ABOUT)
            recorded.set()
            go_on.wait(20)
        return entry

    def sealer():
        recorded.wait(20)
        later = record("thing.made", ABOUT)
        seal_batch()
        go_on.set()
        return later

    slow, later = at_once(slow_change, sealer)
    assert slow.position < later.position
    assert sealed_ids() == [later.pk]

    seal_batch()

    assert sealed_ids() == [later.pk, slow.pk]
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_verifying_under_traffic_finds_nothing(monkeypatch):
    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", 7)
    done = threading.Event()

    def traffic():
        for n in range(60):
            with transaction.atomic():
                record("thing.made", ABOUT, after={"n": n})
                if n % 9 == 0:
                    transaction.set_rollback(True)

    def sealer():
        while not done.is_set():
            seal_waiting(seconds=1)

    def verifier():
        try:
            return [found for _ in range(15) for found in findings()]
        finally:
            done.set()

    outcomes = at_once(traffic, traffic, sealer, verifier)
    seal_waiting(seconds=5)

    assert outcomes[3] == []
    assert findings() == []
    assert len(sealed_ids()) == Entry.objects.count()


@pytest.mark.django_db
def test_what_waits_without_its_entry_does_not_stop_sealing():
    gone, kept = record("thing.made", ABOUT), record("thing.made", ABOUT)
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE id = %s", [gone.pk])

    assert seal_batch().entry_ids == [kept.pk]
    assert findings() == [("entry_removed", None, gone.pk)]
