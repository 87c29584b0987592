from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.models import Checkout
from orders.services import refund_checkout
from trustengine.errors import InvalidTransition, NotFound
from trustengine.operations.arguments import identifier

DETAILS = """
A checkout is due where its payment came too late to sell anything, or was of another amount than asked for.

exit codes: 0 done; 1 some of the given ids are no checkouts that are due; 2 bad arguments
"""


class Command(BaseCommand):
    help = "Show checkouts that were paid and made no order, or send their money back. Sent once, however often asked."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=DETAILS, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", metavar="ID", nargs="*", type=identifier, help="these; without any, they are shown")
        parser.add_argument("--all", action="store_true", help="send back the money of every one that is due")

    def handle(self, *args: Any, **options: Any) -> None:
        due = Checkout.objects.filter(state=Checkout.State.REFUND_DUE).order_by("created_at", "pk")
        if options["all"] and options["ids"]:
            raise CommandError("say which: either ids or --all", returncode=2)
        if not options["all"] and not options["ids"]:
            for checkout in due.iterator(chunk_size=1_000):
                paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
                self.stdout.write(f"{checkout.pk}  {paid:>12,} {checkout.currency}  {checkout.payment_intent_id}")
            return
        refused = 0
        for pk in options["ids"] or list(due.values_list("pk", flat=True)):
            try:
                self.stdout.write(f"{pk}: {refund_checkout(pk, actor=None).state}")
            except (NotFound, InvalidTransition) as error:
                self.stderr.write(f"{pk}: {error.detail}")
                refused += 1
        if refused:
            raise CommandError(f"{refused:,} of the given ids are no checkouts that are due")
