"""Whoever changes what the seals say, removes them or makes them anew is found as well."""

import pytest

from trustengine.audit import sealing
from trustengine.audit.digests import ENTRY_DIGEST, contents_digest, seal_hash, sign
from trustengine.audit.models import Seal, Unsealed
from trustengine.audit.services import record
from trustengine.audit.tests.tampering import ABOUT, findings, past_the_triggers, sealed_log, tamper
from trustengine.audit.verification import Anchor, keep, verify

pytestmark = pytest.mark.django_db


def hash_of(seal, digest):
    return seal_hash(
        number=seal.number,
        sealed_at=seal.sealed_at,
        first=seal.first_position,
        last=seal.last_position,
        count=seal.count,
        digest=digest,
        previous=bytes(seal.previous_hash),
    )


@pytest.mark.parametrize(("number", "seals"), [(1, "seal 1 is gone"), (2, "seal 2 is gone")])
def test_a_removed_seal_is_named_with_the_entries_it_covered(monkeypatch, number, seals):
    entries = sealed_log(monkeypatch)

    tamper("DELETE FROM audit_seal WHERE number = %s", [number])

    report = verify()
    assert str(report.problems[0]) == seals
    uncovered = entries[2 * number - 2 : 2 * number]
    assert findings() == [
        ("seal_removed", number, None),
        *[("entry_inserted", None, entry.pk) for entry in uncovered],
    ]


def test_several_removed_seals_are_named_together(monkeypatch):
    sealed_log(monkeypatch, seals=5, entries=1)

    tamper("DELETE FROM audit_seal WHERE number IN (2, 3, 4)")

    assert str(verify().problems[0]) == "each of seals 2 to 4 is gone"


def test_when_the_last_seals_are_removed_their_entries_are_named(monkeypatch):
    entries = sealed_log(monkeypatch)

    tamper("DELETE FROM audit_seal WHERE number = 3")

    assert findings() == [("entry_inserted", None, entry.pk) for entry in entries[4:]]


def test_a_verified_seal_is_missed_even_when_its_entries_are_gone_too(monkeypatch):
    entries = sealed_log(monkeypatch)
    keep(verify())

    tamper("DELETE FROM audit_seal WHERE number > 1")
    tamper("DELETE FROM audit_entry WHERE position >= %s", [entries[2].position])

    (problem,) = verify().problems
    assert str(problem).startswith("each of seals 2 to 3 is gone: known from verified")


def test_a_seal_known_from_elsewhere_is_missed(monkeypatch):
    sealed_log(monkeypatch)
    kept = Anchor(3, bytes(Seal.objects.get(number=3).hash), "--expect")
    assert findings(anchor=kept) == []

    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [Seal.objects.get(number=3).entry_ids])
        cursor.execute("DELETE FROM audit_seal WHERE number = 3")

    assert findings(anchor=kept) == [("seal_removed", 3, None)]


def test_seals_that_were_cut_off_and_made_anew_are_not_the_ones_known_from_elsewhere(monkeypatch):
    entries = sealed_log(monkeypatch)
    kept = Anchor(3, bytes(Seal.objects.get(number=3).hash), "--expect")
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE number = 3")
        cursor.execute("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[4].pk])
    Unsealed.objects.bulk_create(Unsealed(position=entry.position, entry_id=entry.pk) for entry in entries[4:])
    sealing.seal_batch()

    assert findings() == []
    assert findings(anchor=kept) == [("seal_replaced", 3, None)]


def test_a_seal_changed_to_fit_a_changed_entry_is_found(monkeypatch):
    entries = sealed_log(monkeypatch)

    with past_the_triggers() as cursor:
        cursor.execute("UPDATE audit_entry entry SET verb = 'forged' WHERE id = %s", [entries[2].pk])
        cursor.execute(
            "UPDATE audit_seal SET entry_digests[1] = "
            f"(SELECT {ENTRY_DIGEST} FROM audit_entry entry WHERE id = %s) WHERE number = 2",
            [entries[2].pk],
        )

    assert findings() == [("seal_changed", 2, None)]


def test_a_seal_made_anew_without_the_key_is_found(monkeypatch):
    """The forger computes everything that needs no key."""
    entries = sealed_log(monkeypatch)
    seal = Seal.objects.get(number=3)
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[5].pk])
        cursor.execute(
            f"SELECT {ENTRY_DIGEST} FROM audit_entry entry WHERE id = ANY(%s) ORDER BY position", [seal.entry_ids]
        )
        digests = [bytes(digest) for (digest,) in cursor.fetchall()]
        digest = contents_digest(seal.entry_ids, digests)
        hashed = hash_of(seal, digest)
        cursor.execute(
            "UPDATE audit_seal SET entry_digests = %s, digest = %s, hash = %s WHERE number = 3",
            [digests, digest, hashed],
        )

    assert findings() == [("seal_forged", 3, None)]


def test_a_seal_signed_with_another_key_is_found(monkeypatch, settings):
    sealed_log(monkeypatch)
    ours, settings.AUDIT_KEYS = settings.AUDIT_KEYS, ["another"]
    assert {kind for kind, _, _ in findings()} == {"seal_forged"}

    record("thing.made", ABOUT)
    sealing.seal_batch()
    settings.AUDIT_KEYS = ours

    assert findings() == [("seal_forged", 4, None)]


def test_seals_of_a_replaced_key_are_verified_by_it(monkeypatch, settings):
    sealed_log(monkeypatch)

    settings.AUDIT_KEYS = ["new", *settings.AUDIT_KEYS]
    record("thing.made", ABOUT)
    sealing.seal_batch()

    assert findings() == []


def test_a_seal_that_does_not_continue_the_one_before_is_found(monkeypatch):
    sealed_log(monkeypatch)
    seal = Seal.objects.get(number=2)
    seal.previous_hash = bytes(32)
    hashed = hash_of(seal, bytes(seal.digest))

    tamper(
        "UPDATE audit_seal SET previous_hash = %s, hash = %s, signature = %s WHERE number = 2",
        [bytes(32), hashed, sign(hashed)],
    )

    assert findings() == [("seal_unchained", 2, None), ("seal_unchained", 3, None)]
