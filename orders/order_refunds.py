"""An order's refunds as they are known, and what they come to on its items. Nothing is written here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from orders.allocation import Cents, Part, allocate, unexplained
from orders.models import Checkout, OrderItem, Refund, RefundLine, RefundTotal
from trustengine.bulk import Among

SUCCEEDED = Refund.State.SUCCEEDED
_ESTIMATE = UUID(int=0)


@dataclass
class OrderRefunds:
    """An order's items and all that is known of its refunds."""

    items: Sequence[OrderItem]
    checkout: Checkout | None = None
    refunds: list[Refund] = field(default_factory=list)
    lines: dict[UUID, dict[UUID, RefundLine]] = field(default_factory=lambda: defaultdict(dict))
    totals: list[RefundTotal] = field(default_factory=list)

    @property
    def estimate(self) -> Refund | None:
        return next((refund for refund in self.refunds if refund.is_estimate), None)

    def imported(self) -> Cents:
        """What of each item was refunded without a refund of ours: an import knows no more."""
        counted: Cents = defaultdict(int)
        for lines in self.lines.values():
            for item, line in lines.items():
                counted[item] += line.counted_cents
        return {
            item.pk: max(0, (item.price_cents if item.refunded_at else item.refunded_cents) - counted[item.pk])
            for item in self.items
        }

    def placed(self) -> tuple[dict[UUID, Cents], Cents]:
        """What each known refund comes to on each item; and what the totals say beyond them."""
        imported = self.imported()
        left = {item.pk: item.price_cents - imported[item.pk] for item in self.items}
        known = sorted((each for each in self.refunds if _is_counted(each)), key=_when_made)
        placed = allocate(left, [self._part(refund) for refund in known])
        estimate: Cents = {}
        for amount, named in self._unexplained(left):
            part = Part(_ESTIMATE, amount, named=named)
            for item, cents in allocate(left, [part])[_ESTIMATE].items():
                estimate[item] = estimate.get(item, 0) + cents
        self._add_free_items(left, placed, estimate)
        return placed, estimate

    def _part(self, refund: Refund) -> Part:
        if refund.made_at is None:  # asked for by us, or reported when every allocation was final
            lines = {item: line.amount_cents for item, line in self.lines[refund.pk].items() if line.amount_cents}
            return Part(refund.pk, refund.amount_cents, lines=lines)
        return Part(refund.pk, refund.amount_cents, named=[UUID(item) for item in refund.named_items])

    def _unexplained(self, left: Cents) -> list[tuple[int, Collection[UUID]]]:
        """The parts of the totals that no known refund explains, nor one of ours that is under way."""
        total, known = furthest(self.totals, self.refunds)
        if total is None:
            return []
        named_by = {
            each.total_cents: {UUID(item) for item in each.named_items}
            for each in self.totals
            if each.total_cents <= total.total_cents
        }
        parts = list[tuple[int, Collection[UUID]]]()
        for amount, named in unexplained(named_by, known):
            within = min(amount, sum(left[item] for item in named if item in left)) if named else 0
            parts += [(within, named)] if within else []
            parts += [(amount - within, ())] if amount > within else []
        under_way = [each for each in self.refunds if is_under_way(each, total)]
        result = list[tuple[int, Collection[UUID]]]()
        for amount, named in parts:
            for refund in list(under_way):
                if refund.amount_cents <= amount and (not named or set(self.lines[refund.pk]) == set(named)):
                    amount -= refund.amount_cents  # noqa: PLW2901 (the rest of this part)
                    under_way.remove(refund)
            result += [(amount, named)] if amount else []
        return result

    def _add_free_items(self, left: Cents, placed: dict[UUID, Cents], estimate: Cents) -> None:
        """Items without a price are refunded where they are named, or with all the others."""
        free = [item.pk for item in self.items if item.price_cents == 0]
        told = [each for each in self.refunds if each.pk in placed]
        for refund in told:
            placed[refund.pk] |= {item: 0 for item in free if str(item) in refund.named_items}
        estimate |= {item: 0 for item in free if any(str(item) in total.named_items for total in self.totals)}
        if free and not any(left.values()) and (told or self.totals):
            target = estimate if estimate or not told else placed[max(told, key=_when_made).pk]
            target |= dict.fromkeys(free, 0)


def _is_counted(refund: Refund) -> bool:
    return refund.state == SUCCEEDED and not refund.is_estimate


def furthest(totals: Iterable[RefundTotal], refunds: Sequence[Refund]) -> tuple[RefundTotal | None, int]:
    """The total that says most beyond the refunds it can have, and what these come to; None where none says more.

    What the provider reported may be in any total, whether or not it has failed since. What
    we sent is in no total that had been told before.
    """
    best, found = 0, None
    for total in sorted(totals, key=lambda total: total.total_cents):
        known = sum(each.amount_cents for each in refunds if _may_be_in(each, total))
        if total.total_cents - known > best:
            best, found = total.total_cents - known, (total, known)
    return found or (None, 0)


def _may_be_in(refund: Refund, total: RefundTotal) -> bool:
    if not refund.provider or refund.is_estimate:
        return False
    if not (refund.provider_refund_id or refund.state == SUCCEEDED):
        return False
    return refund.made_at is not None or (refund.sent_at or refund.created_at) <= total.received_at


def is_under_way(refund: Refund, total: RefundTotal) -> bool:
    """Whether it is one of ours, of which nothing is known but that it had been sent before the total was told."""
    is_open = refund.state == Refund.State.SENT and not refund.provider_refund_id
    return is_open and refund.sent_at is not None and refund.sent_at <= total.received_at


def _when_made(refund: Refund) -> tuple[datetime, str, str]:
    return refund.made_at or refund.created_at, refund.provider_refund_id if refund.made_at else "", str(refund.pk)


def read_refunds(items: Mapping[UUID, Sequence[OrderItem]]) -> dict[UUID, OrderRefunds]:
    """What is known of the refunds of these orders, in a fixed number of statements."""
    found = {order: OrderRefunds(of_order) for order, of_order in items.items()}
    refunds = Refund.objects.filter(Among("order", found)).order_by("pk")
    for refund in refunds:
        assert refund.order_id
        found[refund.order_id].refunds.append(refund)
    lines = RefundLine.objects.filter(refund__in=refunds.order_by()).select_related("refund").order_by("pk")
    for line in lines:
        assert line.refund.order_id
        found[line.refund.order_id].lines[line.refund_id][line.item_id] = line
    for total in RefundTotal.objects.filter(Among("checkout__order", found)).select_related("checkout"):
        assert total.checkout.order_id
        of_order = found[total.checkout.order_id]
        of_order.checkout = total.checkout
        of_order.totals.append(total)
    return found
