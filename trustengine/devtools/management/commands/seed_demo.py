from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trustengine.devtools.demo import seeding, welcome

OCCUPIED = 2


class Command(BaseCommand):
    help = (
        "Fill an empty database with a demo marketplace, and print the accounts to sign in with. Where the demo is "
        "there already, only print them. Exits 2, and changes nothing, where the database holds other data."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=seeding.SEED, help="another number, another marketplace")
        parser.add_argument(
            "--address", default="http://127.0.0.1:8000", help="where the system answers (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seeding.seed(number=options["seed"])
        except seeding.Occupied as error:
            raise CommandError(str(error), returncode=OCCUPIED) from error
        self.stdout.write(welcome.summary())
        self.stdout.write("accounts (user, password, what to try first):")
        for line in welcome.accounts():
            self.stdout.write(line)
        self.stdout.write("")
        self.stdout.write(welcome.first_steps(options["address"]))
        self.stdout.write("")
