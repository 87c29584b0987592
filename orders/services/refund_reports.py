"""Reading what the payment provider says of refunds: the facts of one, and the total of a charge.

A refund's facts come in events about it (``refund.created``, ``refund.updated``,
``refund.failed``, ``charge.refund.updated``), and in a charge's list where payloads carry it
(API versions before 2022-11-15). ``charge.refunded`` itself says the total only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from orders.models import Checkout, PaymentEvent, Refund
from orders.payments import events

About = Mapping[str, Any]

FAILED_EVENT = "refund.failed"
# By Stripe's status of a refund; early ones had none, and other words mean that it is under way.
STATES = {
    None: Refund.State.SUCCEEDED,
    "succeeded": Refund.State.SUCCEEDED,
    "failed": Refund.State.FAILED,
    "canceled": Refund.State.FAILED,
}


class UnusableReport(ValueError):
    """A report of a refund from which nothing can follow. Its text says why."""


@dataclass(frozen=True)
class RefundReport:
    """What an event says of one refund. ``own_id`` is the refund of ours that it carries out, if it says so."""

    id: str
    amount_cents: int | None
    state: Refund.State
    failure: str
    made_at: datetime
    named: tuple[str, ...]
    own_id: UUID | None
    told_at: datetime


@dataclass(frozen=True)
class ChargeReport:
    """What an event says of a charge: how much has gone back in all, if it says so, and the refunds it lists."""

    total_cents: int | None
    named: tuple[str, ...]
    refunds: Sequence[RefundReport]
    received_at: datetime


def read_refund(checkout: Checkout, event: PaymentEvent, about: About) -> RefundReport:
    """The facts of one refund. The id is empty where the event tells none."""
    status = about.get("status")
    state = STATES.get(status if isinstance(status, str) else None, Refund.State.SENT)
    if event.type == FAILED_EVENT:
        state = Refund.State.FAILED
    metadata = about.get("metadata")
    own = metadata.get("refund") if isinstance(metadata, dict) else None
    made = about.get("created")
    return RefundReport(
        id=events.text(about.get("id")),
        amount_cents=events.cents(about.get("amount"), provider=checkout.provider, currency=checkout.currency),
        state=state,
        failure=(events.text(about.get("failure_reason"), 80) or str(status or "failed")[:80])
        if state == Refund.State.FAILED
        else "",
        made_at=event.made_at if made is None else min(events.moment(made), event.made_at),
        named=named_items(about),
        own_id=_uuid(own),
        told_at=event.made_at,
    )


def read_charge(checkout: Checkout, event: PaymentEvent, charge: About) -> ChargeReport:
    """The total of a charge, and the refunds that it lists.

    The charge's own metadata names the items of its newest refund, where that names none.
    """
    listed = charge.get("refunds")
    data = listed.get("data") if isinstance(listed, dict) else listed
    objects = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    named = named_items(charge)
    refunds = [read_refund(checkout, event, each) for each in objects]
    if refunds:
        newest = max(range(len(refunds)), key=lambda n: (events.moment(objects[n].get("created")), n))
        named = named or refunds[newest].named
        refunds[newest] = replace(refunds[newest], named=refunds[newest].named or named)
    total = events.cents(charge.get("amount_refunded"), provider=checkout.provider, currency=checkout.currency)
    return ChargeReport(
        total, named, [each for each in refunds if each.id and each.amount_cents is not None], event.received_at
    )


def named_items(about: About) -> tuple[str, ...]:
    """The item ids in the metadata of a refund or charge: as a JSON list, as a list, or separated by commas."""
    metadata = about.get("metadata")
    value = metadata.get("order_item_ids") if isinstance(metadata, dict) else None
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(sorted({_canonical(part) for part in parts if isinstance(part, str) and part.strip()}))


def _canonical(text: str) -> str:
    found = _uuid(text)
    return str(found) if found else text.strip()


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
