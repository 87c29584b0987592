from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from trustengine.audit.separation import giving_back, separating

EXAMPLES = """
examples, on a PostgreSQL of your own (`migrate` and `up` do it on the embedded one):
  manage.py audit_owner --give-back | psql -1 SUPERUSER_URL      before a migration
  manage.py migrate
  manage.py audit_owner --separate | psql -1 SUPERUSER_URL       afterwards, and once at the beginning

`check --database default` says whether the audit is separated.
"""


class Command(BaseCommand):
    help = (
        "Print the statements by which a superuser makes a role of its own the owner of the audit's tables, so that "
        "the application's role can only insert and read, or gives them back for a migration."
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--separate", action="store_true", help="leave the application INSERT and SELECT")
        wanted.add_argument("--give-back", action="store_true", help="make it the owner again")
        parser.add_argument("--role", help="the application's role (default: that of DATABASE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"] or connection.settings_dict["USER"]
        self.stdout.write(separating(role) if options["separate"] else giving_back(role))
