import json
import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from trustengine.accounts.erasing import BATCH, advance, request_erasure
from trustengine.accounts.finding import NobodyMeant, user_meant
from trustengine.accounts.models import Erasure, User
from trustengine.errors import DomainError
from trustengine.operations.arguments import batch_size
from trustengine.operations.progress import ProgressDisplay

REFUSED, UNUSABLE = 1, 2
State = Erasure.State

EXAMPLES = """
examples:
  manage.py erase_user ada@example.org --dry-run      how many rows each step would touch
  manage.py erase_user 0190c1…                        asks before it begins
  manage.py erase_user 0190c1… --yes --json           from a script

The account is closed at once. Reviews lose their texts and leave the rating, votes are
taken back, names, addresses and other identifiers go; orders, the ledger and the audit
keep an id that means nobody. It cannot be undone. What is interrupted is continued by a
worker, or by running the command again with the user's id; when it is done, running it
again changes nothing. A dry run does everything and rolls it back: it holds the rows
locked while it lasts.

exit codes: 0 erased; 1 refused, or a step failed (a worker tries it again); 2 no such
user, bad arguments, or not confirmed
"""


class Command(BaseCommand):
    help = "Erase a user across all apps, as DELETE me/ does, and wait until it is done."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="an id, subject, username or e-mail address")
        parser.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print one object instead of lines")
        parser.add_argument("--batch-size", metavar="N", type=batch_size, default=BATCH, help="rows at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_meant(options["user"])
        except NobodyMeant as problem:
            raise CommandError(str(problem), returncode=UNUSABLE) from None
        if not (options["dry_run"] or options["yes"]):
            self._confirm(user)
        try:
            with transaction.atomic():
                erasure = request_erasure(user, actor=None, reason="command")
                if options["dry_run"]:
                    erasure = self._carry_out(erasure, options)
                    transaction.set_rollback(True)
            if not options["dry_run"]:
                erasure = self._carry_out(erasure, options)
        except DomainError as refusal:
            raise CommandError(refusal.detail, returncode=REFUSED) from None
        self._tell(user, erasure, options)
        if erasure.state != State.DONE:
            again = "" if options["dry_run"] else "; a worker tries it again"
            raise CommandError(f"{erasure.problem}{again}", returncode=REFUSED)

    def _confirm(self, user: User) -> None:
        if not sys.stdin.isatty():
            raise CommandError("this cannot be undone: say --yes, or --dry-run", returncode=UNUSABLE)
        self.stderr.write(f"This erases user {user.pk} for good. Type “erase” to go on: ", ending="")
        self.stderr.flush()
        if input().strip() != "erase":
            raise CommandError("nothing was changed", returncode=UNUSABLE)

    def _carry_out(self, erasure: Erasure, options: dict[str, Any]) -> Erasure:
        with ProgressDisplay(quiet=options["json"] or options["verbosity"] == 0) as display:
            display.begin("erase", None)
            while erasure.state != State.DONE:
                erasure = advance(erasure.pk, limit=options["batch_size"])
                display.advance(rows_of(erasure), next(reversed(erasure.progress), ""))
                if erasure.state == State.FAILED:
                    break
            display.end(f"{rows_of(erasure):,} rows")
        return erasure

    def _tell(self, user: User, erasure: Erasure, options: dict[str, Any]) -> None:
        rows = {name: step["rows"] for name, step in sorted(erasure.progress.items())}
        if options["json"]:
            told = {"user": str(user.pk), "state": erasure.state, "dry_run": options["dry_run"], "rows": rows}
            self.stdout.write(json.dumps(told))
            return
        for name, count in rows.items():
            self.stdout.write(f"{name:24} {count:>10,}")
        outcome = "nothing was changed" if options["dry_run"] else erasure.state
        self.stdout.write(f"user {user.pk}: {outcome}")


def rows_of(erasure: Erasure) -> int:
    return sum(step["rows"] for step in erasure.progress.values())
