"""Whoever gets past the triggers, and changes what the seals say too, is found and what they touched is named."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from trustengine.audit import chain, sealing, verification
from trustengine.audit.digests import ENTRY_DIGEST, contents_digest, seal_hash, sign
from trustengine.audit.models import Entry, Seal, Unsealed, Verification
from trustengine.audit.services import record
from trustengine.audit.tests.tampering import ABOUT, findings, forged, sealed_log, superuser, tamper
from trustengine.audit.verification import Anchor, keep, verify

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
    with superuser() as cursor:  # a change that was rolled back left this place free
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

    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_entry WHERE id = ANY(%s)", [Seal.objects.get(number=3).entry_ids])
        cursor.execute("DELETE FROM audit_seal WHERE number = 3")

    assert findings(anchor=kept) == [("seal_removed", 3, None)]


def test_seals_that_were_cut_off_and_made_anew_are_not_the_ones_known_from_elsewhere(monkeypatch):
    entries = sealed_log(monkeypatch)
    kept = Anchor(3, bytes(Seal.objects.get(number=3).hash), "--expect")
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE number = 3")
        cursor.execute("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[4].pk])
    Unsealed.objects.bulk_create(Unsealed(position=entry.position, entry_id=entry.pk) for entry in entries[4:])
    sealing.seal_batch()

    assert findings() == []
    assert findings(anchor=kept) == [("seal_replaced", 3, None)]


def test_a_seal_changed_to_fit_a_changed_entry_is_found(monkeypatch):
    entries = sealed_log(monkeypatch)

    with superuser() as cursor:
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
    with superuser() as cursor:
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


class TestCommand:
    def run(self, *arguments):
        out = io.StringIO()
        code = 0
        try:
            call_command("verify_audit", *arguments, stdout=out)
        except SystemExit as leaving:
            code = leaving.code
        return code, out.getvalue()

    def test_an_intact_log_ends_with_0_and_is_remembered(self, monkeypatch):
        sealed_log(monkeypatch)

        code, out = self.run()

        head = bytes(Seal.objects.get(number=3).hash).hex()
        assert (code, out) == (0, f"6 entries in 3 seals, up to 3:{head}: intact\n")
        assert Verification.objects.get().is_intact
        assert self.run("--expect", f"3:{head}")[0] == 0

    def test_tampering_is_named_ends_with_1_and_is_remembered(self, monkeypatch):
        entries = sealed_log(monkeypatch)
        tamper("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[2].pk])

        code, out = self.run()

        assert code == 1
        assert out.splitlines()[0] == f"entry {entries[2].pk} (seal 2) is not what was sealed"
        assert Verification.objects.get().examples == [out.splitlines()[0]]

    def test_json_is_one_object(self, monkeypatch):
        entries = sealed_log(monkeypatch)
        tamper("DELETE FROM audit_entry WHERE id = %s", [entries[2].pk])

        code, out = self.run("--json")

        report = json.loads(out)
        assert (code, report["intact"], report["found"], report["last_seal"]) == (1, False, 1, 3)
        assert report["problems"][0]["kind"] == "entry_removed"
        assert report["problems"][0]["entry"] == str(entries[2].pk)

    def test_a_partial_verification_is_not_remembered_as_one_of_all(self, monkeypatch):
        sealed_log(monkeypatch)

        assert self.run("--from", "2")[0] == 0
        assert not Verification.objects.exists()

    @pytest.mark.parametrize(
        "arguments", [("--from", "0"), ("--from", "x"), ("--expect", "3"), ("--expect", "3:abc"), ("--colour",)]
    )
    def test_bad_arguments_end_with_2(self, arguments, capsys):
        from trustengine.operations.management.commands.verify_audit import Command

        with pytest.raises(SystemExit) as leaving:
            BaseCommand.run_from_argv(Command(), ["manage.py", "verify_audit", *arguments])

        assert leaving.value.code == 2
        assert "error" in capsys.readouterr().err


class TestReconciler:
    def test_an_intact_log_has_not_drifted(self, monkeypatch, capsys):
        sealed_log(monkeypatch)

        call_command("reconcile", "audit")

        assert "audit: 3 checked, 0 drifted" in capsys.readouterr().out

    def test_tampering_remains_and_the_fix_says_so(self, monkeypatch, capsys):
        entries = sealed_log(monkeypatch)
        tamper("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[2].pk])

        with pytest.raises(SystemExit) as leaving:
            call_command("reconcile", "audit", "--fix")

        out = capsys.readouterr().out
        assert leaving.value.code == 1
        assert f"{entries[2].pk}: expected" in out
        assert "1 drifted, 0 fixed" in out
        assert "the log cannot be fixed" in out

    def test_a_log_without_any_seal_left_has_drifted(self, monkeypatch, capsys):
        entries = sealed_log(monkeypatch)
        tamper("DELETE FROM audit_seal")

        with pytest.raises(SystemExit):
            call_command("reconcile", "audit")

        assert str(entries[0].pk) in capsys.readouterr().out


def test_every_night_the_log_is_verified(monkeypatch, caplog):
    from trustengine.audit.jobs import verify_seals

    entries = sealed_log(monkeypatch)
    tamper("DELETE FROM audit_entry WHERE id = %s", [entries[0].pk])

    assert verify_seals() == {"last_seal": 3, "entries": 6, "problems": 1}
    assert Verification.objects.get().problems == 1


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
