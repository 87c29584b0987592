import json
import sys
import urllib.error
import urllib.request
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from orders.models import Checkout, Refund
from orders.payments import signatures
from orders.payments.amounts import to_stripe
from orders.payments.stripe import StripeProvider
from orders.services.payment_events import HANDLERS
from orders.services.webhook_secrets import signing_secret
from trustengine.database_time import database_now
from trustengine.http_client import USER_AGENT
from trustengine.identifiers import uuid7

BAD_ARGUMENTS = 2
TIMEOUT_SECONDS = 30

EXAMPLES = """
examples, beside a running `up`:
  manage.py send_payment_event payment_intent.succeeded --intent pi_local_…
  manage.py send_payment_event payment_intent.payment_failed --intent pi_local_…
  manage.py send_payment_event refund.created --intent pi_local_… --items ITEM,ITEM
  manage.py send_payment_event refund.created --intent pi_local_… --amount 500 --status pending --object re_1
  manage.py send_payment_event refund.failed --intent pi_local_… --object re_1
  manage.py send_payment_event charge.refunded --intent pi_local_… --amount 500     a total of 5.00 so far
  manage.py send_payment_event charge.dispute.created --intent pi_local_…
  manage.py send_payment_event payment_intent.succeeded --intent pi_local_… --age 400   too old: is refused

exit codes: 0 taken; 1 refused, or nobody there; 2 bad arguments
"""


class Command(BaseCommand):
    help = "Sign an event as the payment provider would, and post it to a running system. For trials without Stripe."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("type", metavar="TYPE", help=f"such as {', '.join(list(HANDLERS)[:4])}")
        parser.add_argument("--intent", metavar="ID", required=True, help="the checkout's payment_intent_id")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the system is (default: %(default)s)")
        parser.add_argument("--amount", metavar="N", type=_cents, help="minor units (default: the checkout's, or all)")
        parser.add_argument("--currency", metavar="CUR", help="default: the checkout's")
        parser.add_argument("--items", metavar="ID,…", help="order items that a refund is for")
        parser.add_argument("--event-id", metavar="ID", help="default: a new one")
        parser.add_argument(
            "--object", "--dispute", metavar="ID", help="of the refund or dispute (default: one of the intent's)"
        )
        parser.add_argument(
            "--status", metavar="WORD", help="of a refund (default: succeeded) or a closed dispute (default: won)"
        )
        parser.add_argument("--age", metavar="SECONDS", type=int, default=0, help="how long ago it was signed")
        parser.add_argument("--secret", help="sign by this one (default: the newest in use)")

    def handle(self, *args: Any, **options: Any) -> None:
        if urlsplit(options["url"]).scheme not in {"http", "https"}:
            raise CommandError("--url must begin with http:// or https://", returncode=BAD_ARGUMENTS)
        checkout = Checkout.objects.filter(payment_intent_id=options["intent"]).first()
        if checkout is None:
            self.stderr.write(f"note: no checkout has the payment {options['intent']}: the event will wait for one")
        body = json.dumps(_event(options, checkout))
        signature = signatures.sign(
            body, options["secret"] or signing_secret(), timestamp=int(database_now().timestamp()) - options["age"]
        )
        status, answer = _post(options["url"].rstrip("/") + reverse("webhooks-stripe"), body, signature)
        self.stdout.write(f"{json.loads(body)['id']} {options['type']}: {status} {answer}")
        if status != 200:
            sys.exit(1)


def _event(options: dict[str, Any], checkout: Checkout | None) -> dict[str, Any]:
    return {
        "id": options["event_id"] or f"evt_local_{uuid7().hex}",
        "object": "event",
        "type": options["type"],
        "created": int(database_now().timestamp()) - options["age"],
        "livemode": False,
        "data": {"object": _object(options, checkout)},
    }


def _object(options: dict[str, Any], checkout: Checkout | None) -> dict[str, Any]:
    """What the event is about, as far as anybody here looks at it."""
    intent, family = options["intent"], options["type"].rpartition(".")[0]
    amount = options["amount"]
    about: dict[str, Any] = {"payment_intent": intent, "metadata": {}}
    currency = options["currency"] or (checkout and checkout.currency)
    if currency:
        about["currency"] = currency.lower()
    if amount is None and checkout is not None and not (family in {"charge", "refund"} and options["items"]):
        amount = _as_told(checkout.amount_cents, checkout)
    if family == "payment_intent":
        received = {"amount_received": amount} if options["type"].endswith(".succeeded") else {}
        return about | {"id": intent, "object": "payment_intent", "amount": amount} | received
    if family == "charge.dispute":
        dispute = options["object"] or f"dp_{intent}"
        return about | {"id": dispute, "object": "dispute", "amount": amount, "status": options["status"] or "won"}
    if family in {"refund", "charge.refund"}:
        return about | _refund(options, checkout, amount)
    about |= {"id": f"ch_{intent}", "object": "charge"}
    if options["items"]:
        about["metadata"] = {"order_item_ids": options["items"]}
        if amount is None and checkout is not None:
            amount = _total_with(options["items"], checkout)
    return about | ({} if amount is None else {"amount_refunded": amount})


def _refund(options: dict[str, Any], checkout: Checkout | None, amount: int | None) -> dict[str, Any]:
    failed = options["type"] == "refund.failed"
    named = options["items"] or ""
    if amount is None and checkout is not None:
        amount = _as_told(_left(named, checkout), checkout)
    return {
        "id": options["object"] or f"re_{uuid7().hex}",
        "object": "refund",
        "charge": f"ch_{options['intent']}",
        "amount": amount,
        "status": options["status"] or ("failed" if failed else "succeeded"),
        "metadata": {"order_item_ids": named} if named else {},
    }


def _total_with(items: str, checkout: Checkout) -> int | None:
    """What has been refunded so far, and what is left of these items: the provider tells totals."""
    if checkout.order is None:
        return None
    settled = checkout.order.refunds.filter(state=Refund.State.SUCCEEDED).exclude(provider="")
    return _as_told(_left(items, checkout) + sum(settled.values_list("amount_cents", flat=True)), checkout)


def _left(items: str, checkout: Checkout) -> int:
    """What is left of these items of the checkout's order."""
    if checkout.order is None:
        return 0
    named = {each.strip().lower() for each in items.split(",")}
    return sum(item.price_cents - item.refunded_cents for item in checkout.order.items.all() if str(item.pk) in named)


def _as_told(amount_cents: int, checkout: Checkout) -> int:
    return to_stripe(amount_cents, checkout.currency) if checkout.provider == StripeProvider.name else amount_cents


def _post(url: str, body: str, signature: str) -> tuple[int, str]:
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature, "User-Agent": USER_AGENT}
    request = urllib.request.Request(url, body.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # nosec B310
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(errors="replace")
    except OSError as error:
        raise CommandError(f"nobody answers at {url}: {getattr(error, 'reason', error)}") from error


def _cents(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ArgumentTypeError("must be a whole number of minor units")
    return int(text)
