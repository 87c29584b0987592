"""Carrying out refunds through the payment provider. Outside of transactions: its answers cannot be rolled back."""

from collections.abc import Collection
from uuid import UUID

import structlog

from orders.errors import ProviderAway, ProviderRefused
from orders.models import Refund
from orders.payments import ProviderRefund, provider_named
from orders.services.refunding import fail_refund, lines_of
from orders.services.settling import settle_checkout_refund, settle_refunds
from trustengine.bulk import Among
from trustengine.database_time import database_now

logger = structlog.get_logger(__name__)

LONGEST_METADATA = 500  # Stripe's limit for a value


def send(refund_ids: Collection[UUID]) -> int:
    """Ask the provider for what is still to be sent of these refunds, and settle what it has done; returns how many.

    Repeated, it repeats the same calls under the same keys. Raises ProviderAway, after
    having settled what went through, when the rest is to be tried again.
    """
    open_ = Refund.objects.filter(Among("pk", refund_ids), state__in=Refund.IN_FLIGHT)
    refunds = list(open_.order_by("pk"))
    open_.filter(state=Refund.State.REQUESTED).update(state=Refund.State.SENT, sent_at=database_now())
    lines = lines_of([refund.pk for refund in refunds])
    done: dict[UUID, str] = {}
    away: ProviderAway | None = None
    for refund in refunds:
        if not refund.provider:
            done[refund.pk] = ""
        elif away is None and not refund.provider_refund_id:  # one with an id is under way: an event will tell
            try:
                _note(refund, _ask(refund, lines.get(refund.pk, {})), done)
            except ProviderRefused as refusal:
                fail_refund(refund.pk, failure=refusal.reason or refusal.code)
            except ProviderAway as error:
                away = error
    settle_refunds([refund.pk for refund in refunds if refund.pk in done and refund.order_id], provider_ids=done)
    for refund in refunds:
        if refund.pk in done and refund.checkout_id:
            settle_checkout_refund(refund.pk, provider_id=done[refund.pk])
    if away is not None:
        raise away
    return len(done)


def _ask(refund: Refund, lines: Collection[UUID]) -> ProviderRefund:
    metadata = {"refund": str(refund.pk)}
    named = ",".join(map(str, lines))
    if named and len(named) <= LONGEST_METADATA:
        metadata["order_item_ids"] = named
    return provider_named(refund.provider).refund(
        intent_id=refund.payment_intent_id,
        amount_cents=refund.amount_cents,
        key=f"refund-{refund.pk}",
        metadata=metadata,
        currency=refund.currency,
    )


def _note(refund: Refund, answer: ProviderRefund, done: dict[UUID, str]) -> None:
    if answer.succeeded:
        done[refund.pk] = answer.id
    elif answer.failed:
        fail_refund(refund.pk, failure="failed")
    else:
        Refund.objects.filter(pk=refund.pk, state__in=Refund.IN_FLIGHT).update(provider_refund_id=answer.id)
        logger.info("refund_under_way", refund=str(refund.pk))
