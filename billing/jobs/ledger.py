"""What happens to orders is booked, and held money is released.

These jobs are on the low queue: nobody waits for a booking, and a storm of refunds is first
to be counted where people look.
"""

from uuid import UUID

from trustengine.jobs.registry import job, scheduled, subscribe

RELEASE_BATCHES = 50  # a run ends before the next is due; what is left goes then


@subscribe("orders.order_placed", key="order_id")
@subscribe("orders.item_moved", key="order_id")
@subscribe("orders.order_refunded", key="order_id")
@subscribe("orders.refunds_reversed", key="order_id")
@subscribe("orders.payment_disputed", key="order_id")
@subscribe("orders.dispute_closed", key="order_id")
@job(queue="low", coalesce=True)
def book_order(key: str) -> int:
    """Book what is missing of an order; returns how many bookings that were.

    A cancellation needs no booking of its own: it is refunded, and that is an event.
    """
    from billing.services.bookkeeping import book_orders

    return sum(len(plan.bookings) for plan in book_orders([UUID(key)]))


@scheduled("* * * * *")
@job(queue="low", atomic=False)
def release_held_money() -> int:
    """Make available what has been held long enough; returns of how many orders."""
    from billing.services.bookkeeping import release_due

    return release_due(batches=RELEASE_BATCHES)
