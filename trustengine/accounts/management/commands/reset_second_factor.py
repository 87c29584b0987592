import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trustengine.accounts.finding import NobodyMeant, user_meant
from trustengine.accounts.second_factor import reset_second_factor
from trustengine.errors import DomainError

REFUSED, UNUSABLE = 1, 2

EXAMPLES = """
examples:
  manage.py reset_second_factor ada           asks before it does
  manage.py reset_second_factor ada --yes     from a script

For the only superuser, who has lost phone, passkeys and recovery codes: others are reset
on their page in the console. The account keeps its password, is signed out everywhere,
and sets up another second factor at the next sign-in where one is enforced. The audit
log keeps that the system did it.

exit codes: 0 reset; 1 there is no second factor; 2 no such user, or not confirmed
"""


class Command(BaseCommand):
    help = "Take a lost second factor away from a user, and sign them out everywhere."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="an id, subject, username or e-mail address")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_meant(options["user"])
        except NobodyMeant as problem:
            raise CommandError(str(problem), returncode=UNUSABLE) from None
        if not options["yes"]:
            if not sys.stdin.isatty():
                raise CommandError("say --yes, or run this in a terminal", returncode=UNUSABLE)
            self.stderr.write(f"Reset the second factor of {user}? Type “reset” to go on: ", ending="")
            self.stderr.flush()
            if input().strip() != "reset":
                raise CommandError("nothing was changed", returncode=UNUSABLE)
        try:
            reset_second_factor(user, actor=None, reason="command")
        except DomainError as refusal:
            raise CommandError(refusal.detail, returncode=REFUSED) from None
        self.stdout.write(f"user {user.pk}: no second factor any more, signed out everywhere")
