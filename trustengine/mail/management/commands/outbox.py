from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections import deque
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from trustengine.mail.outbox import KEPT_DAYS, folder, mails, readable

EXAMPLES = f"""
examples:
  manage.py outbox                              every mail, oldest first
  manage.py outbox --last 1                     the newest
  manage.py outbox --to ada@shop.example        those to one address

Without EMAIL_HOST mails are files DATA_DIR/outbox/*.eml, kept for {KEPT_DAYS} days.

exit codes: 0 done, also where no mail is there; 2 bad arguments
"""
RULE = "-" * 72


class Command(BaseCommand):
    help = "Print the mails that were written to the outbox because no mail server is set."
    requires_system_checks: list[str] = []

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--last", metavar="N", type=_positive, help="only the newest N")
        parser.add_argument("--to", metavar="ADDRESS", default="", help="only mails to this address")

    def handle(self, *args: Any, **options: Any) -> None:
        found = deque(mails(to=options["to"]), maxlen=options["last"])
        for mail in found:
            self.stdout.write(f"{readable(mail)}\n{RULE}")
        if not found:
            self.stderr.write(_nothing_found(options["to"]))


def _nothing_found(address: str) -> str:
    if settings.EMAIL_HOST:
        return f"EMAIL_HOST is set, so mails go to {settings.EMAIL_HOST} and not to the outbox."
    return f"No mail to {address} in {folder()}." if address else f"No mail in {folder()}."


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 1_000_000):
        raise ArgumentTypeError("a whole number from 1 to 1,000,000")
    return int(text)
