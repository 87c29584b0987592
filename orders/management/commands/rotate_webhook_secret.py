import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.services.webhook_secrets import KeptElsewhere, rotate_secret

BAD_ARGUMENTS = 2
MOST_HOURS = 24 * 30
SHORTEST, LONGEST = 16, 255

EXAMPLES = """
Where STRIPE_WEBHOOK_SECRET is set, the secrets are kept there: name the new one and the former, separated by a
comma, restart, and take the former away a day later.

examples:
  manage.py rotate_webhook_secret                   a random secret, shown once: for senders that let you choose
  manage.py rotate_webhook_secret --read < FILE     the one that Stripe's dashboard shows for the endpoint
  manage.py rotate_webhook_secret --keep-hours 0    the former has leaked: it is refused from now on

exit codes: 0 done; 2 bad arguments, or the secrets are kept in the environment
"""


class Command(BaseCommand):
    help = "Put a new secret for webhooks into use. The former one stays valid for a while, so that no event is lost."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep-hours", metavar="N", type=_hours, default=24, help="how long the former stays valid (default: 24)"
        )
        parser.add_argument("--read", action="store_true", help="read the new secret from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        given = sys.stdin.readline().strip() if options["read"] else ""
        if options["read"] and not (SHORTEST <= len(given) <= LONGEST and given.isascii() and given.isprintable()):
            wanted = f"{SHORTEST} to {LONGEST} visible ASCII characters"
            raise CommandError(f"standard input holds no secret of {wanted}", returncode=BAD_ARGUMENTS)
        try:
            secret = rotate_secret(keep=timedelta(hours=options["keep_hours"]), secret=given)
        except KeptElsewhere as error:
            told = "STRIPE_WEBHOOK_SECRET is set, so secrets are changed there: see --help"
            raise CommandError(told, returncode=BAD_ARGUMENTS) from error
        if given:
            self.stdout.write("The given secret is in use.")
        else:
            self.stdout.write(f"{secret}\nThis is the new secret. It is not shown again.")
        self.stdout.write(f"The former one, if there was one, is valid for {options['keep_hours']} more hours.")


def _hours(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST_HOURS:
        raise ArgumentTypeError(f"must be a whole number from 0 to {MOST_HOURS}")
    return int(text)
