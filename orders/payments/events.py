"""Reading webhook events: what of them we rely on, checked, and the rest as it came."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from orders.payments.amounts import from_stripe
from orders.payments.stripe import StripeProvider
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput

LONGEST_ID = 255
LONGEST_TYPE = 100
LONGEST_INTENT = 200  # as long as the key of a job
LATEST = 4_102_444_800  # the year 2100
MOST = 10**15


@dataclass(frozen=True)
class ProviderEvent:
    """One event. ``intent_id`` is empty where it names no payment, as thin events do, which carry no object."""

    id: str
    type: str
    intent_id: str
    made_at: datetime
    payload: dict[str, Any]


def read_event(document: Any) -> ProviderEvent:
    """The event that a webhook's JSON describes. Raises InvalidInput, naming the members that cannot be used."""
    if not isinstance(document, dict):
        raise InvalidInput("The body is no event.")
    payload = storable(document)
    problems = {}
    for name, longest in (("id", LONGEST_ID), ("type", LONGEST_TYPE)):
        if not isinstance(payload.get(name), str) or not 0 < len(payload[name]) <= longest:
            problems[name] = f"Text of 1 to {longest} characters."
    if problems:
        raise InvalidInput(fields=problems)
    data = payload.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    intent = _intent(payload["type"], about) if isinstance(about, dict) else ""
    return ProviderEvent(payload["id"], payload["type"], intent, moment(payload.get("created")), payload)


def storable(value: Any) -> Any:
    """The value without what PostgreSQL cannot keep in jsonb: NUL. Raises InvalidInput for a number beyond any."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(name): storable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput("The body holds a number that is none.")
    return value


def moment(told: Any) -> datetime:
    """A time as the provider tells it: seconds since 1970, in thin events ISO 8601; now where it tells none."""
    if isinstance(told, int) and 0 <= told <= LATEST:
        return datetime.fromtimestamp(told, UTC)
    if isinstance(told, str):
        try:
            found = parse_datetime(told)
        except ValueError:
            found = None
        if found and found.tzinfo and 1970 <= found.year < 2100:
            return found
    return database_now()


def cents(value: Any, *, provider: str, currency: str) -> int | None:
    """An amount that an event tells, in minor units by ISO 4217; None where it is no amount."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        return None
    return from_stripe(value, currency) if provider == StripeProvider.name else value


def text(value: Any, longest: int = LONGEST_ID) -> str:
    """A member that should be text, cut to fit; empty where it is none."""
    return value[:longest] if isinstance(value, str) else ""


def reference(value: Any) -> str:
    """The id of another object, which comes as text, or expanded."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and len(found) <= LONGEST_INTENT else ""


def _intent(type_: str, about: Mapping[str, Any]) -> str:
    return reference(about.get("id") if type_.startswith("payment_intent.") else about.get("payment_intent"))
