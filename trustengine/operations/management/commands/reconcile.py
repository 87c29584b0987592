import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from trustengine.operations.arguments import batch_size, day_or_moment
from trustengine.operations.progress import ProgressDisplay
from trustengine.operations.reconciling import Findings, Scope, reconcile
from trustengine.operations.registry import reconcilers

DRIFT_REMAINS = 1
BAD_ARGUMENTS = 2


class Command(BaseCommand):
    help = (
        "Compare every derived value with its facts, and with --fix make them agree. Without a TARGET, all of them. "
        "Without --fix nothing is changed. Exit code 0 when nothing drifted or all was fixed, 1 when drift remains, 2 "
        "for bad arguments. Values that a job is still to update count as pending, not as drift."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        names = " ".join(reconcilers())
        parser.add_argument("targets", metavar="TARGET", nargs="*", help=f"any of: {names}")
        parser.add_argument("--fix", action="store_true", help="make derived values agree with their facts")
        parser.add_argument("--json", action="store_true", help="print one object, and nothing else")
        parser.add_argument("--id", metavar="ID", type=_identifier, help="compare only this key, such as an order's id")
        parser.add_argument("--since", metavar="DATE", type=day_or_moment, help="compare only what changed since then")
        parser.add_argument("--batch-size", metavar="N", type=batch_size, default=1_000, help="keys per comparison")

    def handle(self, *args: Any, **options: Any) -> None:
        known = reconcilers()
        if unknown := [name for name in options["targets"] if name not in known]:
            message = f"unknown target {unknown[0]}; there are {' '.join(known)}"
            raise CommandError(message, returncode=BAD_ARGUMENTS)
        began = time.monotonic()
        scope = Scope(only=options["id"], since=options["since"])
        results: dict[str, Findings] = {}
        with ProgressDisplay(quiet=options["json"]) as progress:
            for name in dict.fromkeys(options["targets"] or known):
                results[name] = reconcile(
                    known[name](),
                    scope=scope,
                    fix=options["fix"],
                    batch_size=options["batch_size"],
                    progress=progress,
                )
        if options["json"]:
            self._print_json(results, time.monotonic() - began)
        else:
            self._print(results)
            for name, findings in results.items():
                if options["fix"] and findings.remaining and known[name].remedy:
                    self.stdout.write(f"{name}: {known[name].remedy}")
        if any(findings.remaining for findings in results.values()):
            sys.exit(DRIFT_REMAINS)

    def _print_json(self, results: dict[str, Findings], seconds: float) -> None:
        targets = {name: asdict(findings) for name, findings in results.items()}
        self.stdout.write(
            json.dumps({"targets": targets, "seconds": round(seconds, 3)}, cls=DjangoJSONEncoder),
        )

    def _print(self, results: dict[str, Findings]) -> None:
        for name, findings in results.items():
            late = f", {findings.pending:,} pending" if findings.pending else ""
            self.stdout.write(
                f"{name}: {findings.checked:,} checked, {findings.drifted:,} drifted, {findings.fixed:,} fixed{late}"
            )
            for drift in findings.examples:
                self.stdout.write(f"  {drift.key}: expected {_line(drift.expected)}, found {_line(drift.found)}")
            if findings.drifted > len(findings.examples):
                self.stdout.write(f"  and {findings.drifted - len(findings.examples):,} more")


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an id") from None


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, cls=DjangoJSONEncoder)
