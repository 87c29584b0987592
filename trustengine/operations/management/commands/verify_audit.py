import argparse
import json
import re
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from trustengine.audit.verification import Anchor, Report, keep, verify
from trustengine.operations.progress import ProgressDisplay

TAMPERED = 1
HASH = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


class Command(BaseCommand):
    help = (
        "Verify the audit log: the chain of seals and their signatures, every sealed entry against its seal, and that "
        "no entry is without one. Names each entry or seal that was changed, removed or inserted. Changes nothing but "
        "the record of the last verification. Exit code 0 when the log is intact, 1 when it was tampered with, 2 for "
        "bad arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one object, and nothing else")
        parser.add_argument(
            "--from", dest="first", metavar="N", type=_seal_number, default=1, help="verify from this seal on"
        )
        parser.add_argument(
            "--expect",
            metavar="NUMBER:HASH",
            type=_anchor,
            help="a seal that must be there, from an audit_sealed line of a log that was kept elsewhere",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with ProgressDisplay(quiet=options["json"]) as progress:
            report = verify(first=options["first"], anchor=options["expect"], progress=progress)
        if options["first"] == 1:
            keep(report)
        if options["json"]:
            self._print_json(report)
        else:
            self._print(report)
        if not report.is_intact:
            sys.exit(TAMPERED)

    def _print_json(self, report: Report) -> None:
        problems = [asdict(problem) | {"text": str(problem)} for problem in report.problems]
        shown = {
            "intact": report.is_intact,
            "first_seal": report.first_seal,
            "last_seal": report.last_seal,
            "last_hash": report.last_hash.hex(),
            "seals": report.seals,
            "entries": report.entries,
            "found": report.found,
            "problems": problems,
            "seconds": round(report.seconds, 3),
        }
        self.stdout.write(json.dumps(shown, cls=DjangoJSONEncoder))

    def _print(self, report: Report) -> None:
        for problem in report.problems:
            self.stdout.write(str(problem))
        if report.found > len(report.problems):
            self.stdout.write(f"and {report.found - len(report.problems):,} more")
        verdict = "intact" if report.is_intact else f"{report.found:,} problem{'s' if report.found > 1 else ''}"
        head = f", up to {report.last_seal}:{report.last_hash.hex()}" if report.seals else ""
        self.stdout.write(f"{report.entries:,} entries in {report.seals:,} seals{head}: {verdict}")


def _seal_number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError("must be the number of a seal, from 1 up")
    return int(text)


def _anchor(text: str) -> Anchor:
    match = HASH.fullmatch(text.lower())
    if match is None:
        raise argparse.ArgumentTypeError("must be a seal's number and its hash: 12:9f86d081…")
    return Anchor(int(match[1]), bytes.fromhex(match[2]), "--expect")
