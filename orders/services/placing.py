"""An order comes into being: when its checkout has been paid, and never before."""

from uuid import UUID

from django.db import transaction

from orders.clock import placement
from orders.errors import OutOfStock, ProductInactive
from orders.models import CartItem, Checkout, Order, OrderItem, Product
from orders.services import stock
from orders.services.days import mark_days
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.jobs.services import publish


def place_order(checkout: Checkout, *, paid_cents: int) -> Order | None:
    """Make the order of a locked checkout that has been paid, and sell what it holds.

    A payment that comes late holds its pieces anew, of products no longer offered too.
    None if they are gone: then the money is to go back.
    """
    if checkout.state != Checkout.State.OPEN and not _hold_again(checkout):
        owe_refund(checkout, paid_cents=paid_cents, reason="out_of_stock")
        return None
    stock.sell(checkout)
    order = Order.objects.create(
        customer_id=checkout.customer_id, currency=checkout.currency, **placement(database_now())
    )
    lines = list(checkout.lines.order_by("product"))
    items = OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            product_id=line.product_id,
            vendor_id=line.vendor_id,
            day=order.day,
            tick=order.tick,
            quantity=line.quantity,
            unit_price_cents=line.unit_price_cents,
        )
        for line in lines
    )
    before = {"state": checkout.state}
    checkout.state, checkout.order, checkout.paid_cents = Checkout.State.PAID, order, paid_cents
    checkout.save(update_fields=["state", "order", "paid_cents", "updated_at"])
    _empty_cart(checkout, {line.product_id: line.quantity for line in lines})
    after = {"checkout": checkout.pk, "amount_cents": checkout.amount_cents, "items": [item.pk for item in items]}
    record("order.placed", order, after={**after, "currency": order.currency, "day": order.day})
    record("checkout.paid", checkout, before=before, after={"state": checkout.state, "order": order.pk})
    publish("orders.order_placed", order_id=order.pk)
    mark_days(order, [line.vendor_id for line in lines])
    return order


def is_taken_down(checkout: Checkout) -> bool:
    """Whether a moderator has taken anything of a locked checkout out of view. Locks its products."""
    products = list(checkout.lines.values_list("product", flat=True))
    stock.lock(products)
    return Product.objects.moderated().filter(pk__in=products).exists()


def owe_refund(checkout: Checkout, *, paid_cents: int, reason: str) -> None:
    """A locked checkout was paid and makes no order: what it holds is freed, and its money is to go back."""
    before = {"state": checkout.state}
    stock.free(checkout)
    checkout.state, checkout.paid_cents = Checkout.State.REFUND_DUE, paid_cents
    checkout.save(update_fields=["state", "paid_cents", "updated_at"])
    after = {"state": checkout.state, "paid_cents": paid_cents}
    record("checkout.refund_due", checkout, before=before, after=after, reason=reason)
    publish("orders.checkout_refund_due", checkout_id=checkout.pk)


def _hold_again(checkout: Checkout) -> bool:
    quantities = dict(checkout.lines.values_list("product", "quantity"))
    try:
        with transaction.atomic():
            held = stock.hold(quantities, inactive_too=True)
    except (OutOfStock, ProductInactive):
        return False
    for each in held:
        checkout.lines.filter(product=each.product_id).update(held=each.held)
    return True


def _empty_cart(checkout: Checkout, bought: dict[UUID, int]) -> None:
    """What was bought leaves the cart; what was added meanwhile stays."""
    cart = CartItem.objects.filter(Among("product", bought), customer=checkout.customer_id)
    for item in cart.select_for_update(of=("self",)).order_by("pk"):
        if item.quantity <= bought[item.product_id]:
            item.delete()
        else:
            item.quantity -= bought[item.product_id]
            item.save(update_fields=["quantity"])
