from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from orders.derivations import wrong_statuses
from orders.models import Checkout, CheckoutLine, Order, OrderItem, Product
from orders.services import derive_order_status
from trustengine.bulk import Among
from trustengine.operations.registry import Drift, Reconciler, Values, reconciler


@reconciler("order-status")
class OrderStatus(Reconciler):
    """Order.status and delivered_at against the order's items."""

    about = "orders.order"

    def rows(self) -> QuerySet[Order]:
        return Order.objects.all()

    def changed(self, since: datetime) -> QuerySet[Order]:
        moved = OrderItem.objects.filter(order=OuterRef("pk"), updated_at__gte=since)
        return Order.objects.filter(Q(updated_at__gte=since) | Exists(moved))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        for order in wrong_statuses(ids):
            yield Drift(order.order_id, expected=_told(order.expected), found=_told(order.found))

    def lock(self, key: UUID) -> None:
        Order.objects.select_for_update(of=("self",), no_key=True).get(pk=key)

    def repair(self, drift: Drift) -> None:
        derive_order_status(Order.objects.get(pk=drift.key))

    def leave_trace(self, drift: Drift) -> None:
        """The service has left it."""


def _told(status: tuple[str, datetime | None]) -> Values:
    return {"status": status[0], "delivered_at": status[1]}


@reconciler("stock")
class Stock(Reconciler):
    """Product.reserved against what open checkouts hold; and checkouts that hold although they are not open.

    Never raised above the pieces there are: a product of which more is held than exists
    stays as drift, for somebody to look at what was counted.
    """

    about = "orders.product"

    def rows(self) -> QuerySet[Product]:
        return Product.objects.all()

    def changed(self, since: datetime) -> QuerySet[Product]:
        lines = CheckoutLine.objects.filter(product=OuterRef("pk"), checkout__updated_at__gte=since)
        return Product.objects.filter(Q(updated_at__gte=since) | Exists(lines))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        holding = CheckoutLine.objects.filter(product=OuterRef("pk"), held__gt=0).order_by().values("product")
        is_open = Q(checkout__state=Checkout.State.OPEN)
        rows = (
            Product.objects.filter(Among("pk", ids))
            .annotate(
                held=_pieces(holding.filter(is_open)),
                held_in_vain=_pieces(holding.exclude(is_open)),
            )
            .exclude(reserved=F("held"), held_in_vain=0)
            .order_by("pk")
        )
        for pk, reserved, held, in_vain in rows.values_list("pk", "reserved", "held", "held_in_vain"):
            yield Drift(
                pk,
                expected={"reserved": held, "held_by_closed_checkouts": 0},
                found={"reserved": reserved, "held_by_closed_checkouts": in_vain},
            )

    def lock(self, key: UUID) -> None:
        closed = Checkout.objects.filter(pk__in=_held_in_vain(key).values("checkout")).order_by("pk")
        list(closed.select_for_update(of=("self",), no_key=True).values_list("pk"))
        Product.objects.select_for_update(of=("self",), no_key=True).get(pk=key)

    def repair(self, drift: Drift) -> None:
        _held_in_vain(drift.key).update(held=0)
        possible = Q(stock=None) | Q(stock__gte=drift.expected["reserved"])
        Product.objects.filter(possible, pk=drift.key).update(reserved=drift.expected["reserved"])


def _held_in_vain(product: UUID) -> QuerySet[CheckoutLine]:
    return CheckoutLine.objects.filter(product=product, held__gt=0).exclude(checkout__state=Checkout.State.OPEN)


def _pieces(lines: QuerySet[CheckoutLine, Any]) -> Coalesce:
    total = lines.annotate(pieces=Sum("held")).values("pieces")
    return Coalesce(Subquery(total), 0, output_field=IntegerField())
