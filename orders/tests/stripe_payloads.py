"""Refund and charge events in the shapes that Stripe's API versions give them; our own, with what we rely on.

Versions before 2022-11-15 list a charge's refunds in ``charge.refunded``. Later ones give
the charge's total only, and each refund's facts in events about it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from hypothesis import strategies as st
from stripe.params import WebhookEndpointCreateParams

OLDEST_TESTED = "2022-11-15"
LISTING = "2022-08-01"  # the last version whose charges list their refunds


def known_versions() -> list[str]:
    """Every API version that the installed library knows, the oldest first."""
    named = WebhookEndpointCreateParams.__annotations__["api_version"]
    found = {each for each in _literals(named) if each[:2] == "20" and not each.endswith(".dashboard")}
    return sorted(found)


def tested_versions() -> list[str]:
    return [LISTING, *(version for version in known_versions() if version >= OLDEST_TESTED)]


def _literals(hint: Any) -> Iterator[str]:
    for each in get_args(hint):
        if isinstance(each, str):
            yield each
        else:
            yield from _literals(each)


def event(version: str | None, type_: str, created: int, number: int, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"evt_{type_}_{number}",
        "object": "event",
        "api_version": version,
        "created": created,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
        "data": {"object": about},
    }


def refund(intent: str, number: int, amount: int, created: int, **about: Any) -> dict[str, Any]:
    return {
        "id": f"re_{number}",
        "object": "refund",
        "amount": amount,
        "charge": f"ch_{intent}",
        "created": created,
        "currency": "eur",
        "metadata": {},
        "payment_intent": intent,
        "status": "succeeded",
    } | about


def charge(intent: str, total: int, listed: Sequence[dict[str, Any]] | None = None, **about: Any) -> dict[str, Any]:
    shown = {"id": f"ch_{intent}", "object": "charge", "amount_refunded": total, "payment_intent": intent}
    lists = {} if listed is None else {"refunds": {"object": "list", "has_more": False, "data": list(listed)}}
    return shown | {"currency": "eur", "metadata": {}} | lists | about


def told_of_refunds(version: str, intent: str, refunds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events by which this version tells of refunds that were made one after the other."""
    total, told, so_far = 0, list[dict[str, Any]](), list[dict[str, Any]]()
    for number, each in enumerate(refunds, start=1):
        total += each["amount"]
        so_far.insert(0, each)  # the newest first
        if version > LISTING:
            told.append(event(version, "refund.created", each["created"], number, each))
        listed = list(so_far) if version <= LISTING else None
        told.append(event(version, "charge.refunded", each["created"], number, charge(intent, total, listed)))
    return told


# Refunds for property tests: cents, the items that are named, and how each ends.
PARTS = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.sets(st.integers(0, 2), max_size=2),
        st.sampled_from(["succeeded", "succeeded", "pending", "failed", "canceled"]),
    ),
    min_size=1,
    max_size=4,
)


def histories(
    intent: str, ids: Sequence[str], parts: Sequence[tuple[int, set[int], str]], *, now: int = 1_795_000_000
) -> list[dict[str, Any]]:
    """All that is told of these refunds by the newest version: each begins, is part of a total, and ends."""
    events, total, version = list[dict[str, Any]](), 0, known_versions()[-1]
    for number, (cents, named, ends) in enumerate(parts):
        metadata = {"order_item_ids": ",".join(ids[each] for each in sorted(named))}
        about = refund(intent, number, cents, now + number, metadata=metadata)
        total += cents
        events += [
            event(version, "refund.created", now + number, number, about | {"status": "pending"}),
            event(version, "charge.refunded", now + number, number, charge(intent, total)),
            event(version, "charge.refund.updated", now + 50 + number, number, about | {"status": ends}),
        ]
        if ends in {"failed", "canceled"}:
            went = about | {"status": "succeeded"}
            events.append(event(version, "refund.updated", now + 20 + number, number, went))
    return events
