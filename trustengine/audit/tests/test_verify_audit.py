"""Verifying from the command line, by ``reconcile`` and every night."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand

from trustengine.audit.models import Seal, Verification
from trustengine.audit.tests.tampering import sealed_log, tamper

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    code = 0
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as leaving:
        code = leaving.code
    return code, out.getvalue()


def test_an_intact_log_ends_with_0_and_is_remembered(monkeypatch):
    sealed_log(monkeypatch)

    code, out = run()

    head = bytes(Seal.objects.get(number=3).hash).hex()
    assert (code, out) == (0, f"6 entries in 3 seals, up to 3:{head}: intact\n")
    assert Verification.objects.get().is_intact
    assert run("--expect", f"3:{head}")[0] == 0


def test_tampering_is_named_ends_with_1_and_is_remembered(monkeypatch):
    entries = sealed_log(monkeypatch)
    tamper("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[2].pk])

    code, out = run()

    assert code == 1
    assert out.splitlines()[0] == f"entry {entries[2].pk} (seal 2) is not what was sealed"
    assert Verification.objects.get().examples == [out.splitlines()[0]]


def test_json_is_one_object(monkeypatch):
    entries = sealed_log(monkeypatch)
    tamper("DELETE FROM audit_entry WHERE id = %s", [entries[2].pk])

    code, out = run("--json")

    report = json.loads(out)
    assert (code, report["intact"], report["found"], report["last_seal"]) == (1, False, 1, 3)
    assert report["problems"][0]["kind"] == "entry_removed"
    assert report["problems"][0]["entry"] == str(entries[2].pk)


def test_a_partial_verification_is_not_remembered_as_one_of_all(monkeypatch):
    sealed_log(monkeypatch)

    assert run("--from", "2")[0] == 0
    assert not Verification.objects.exists()


@pytest.mark.parametrize(
    "arguments", [("--from", "0"), ("--from", "x"), ("--expect", "3"), ("--expect", "3:abc"), ("--colour",)]
)
def test_bad_arguments_end_with_2(arguments, capsys):
    from trustengine.operations.management.commands.verify_audit import Command

    with pytest.raises(SystemExit) as leaving:
        BaseCommand.run_from_argv(Command(), ["manage.py", "verify_audit", *arguments])

    assert leaving.value.code == 2
    assert "error" in capsys.readouterr().err


def test_an_intact_log_has_not_drifted(monkeypatch, capsys):
    sealed_log(monkeypatch)

    call_command("reconcile", "audit")

    assert "audit: 3 checked, 0 drifted" in capsys.readouterr().out


def test_tampering_remains_and_the_fix_says_so(monkeypatch, capsys):
    entries = sealed_log(monkeypatch)
    tamper("UPDATE audit_entry SET verb = 'forged' WHERE id = %s", [entries[2].pk])

    with pytest.raises(SystemExit) as leaving:
        call_command("reconcile", "audit", "--fix")

    out = capsys.readouterr().out
    assert leaving.value.code == 1
    assert f"{entries[2].pk}: expected" in out
    assert "1 drifted, 0 fixed" in out
    assert "the log cannot be fixed" in out


def test_a_log_without_any_seal_left_has_drifted(monkeypatch, capsys):
    entries = sealed_log(monkeypatch)
    tamper("DELETE FROM audit_seal")

    with pytest.raises(SystemExit):
        call_command("reconcile", "audit")

    assert str(entries[0].pk) in capsys.readouterr().out


def test_every_night_the_log_is_verified(monkeypatch):
    from trustengine.audit.jobs import verify_seals

    entries = sealed_log(monkeypatch)
    tamper("DELETE FROM audit_entry WHERE id = %s", [entries[0].pk])

    assert verify_seals() == {"last_seal": 3, "entries": 6, "problems": 1}
    assert Verification.objects.get().problems == 1
