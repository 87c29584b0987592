"""What imported history changes about days: each batch makes those it touches anew, as they are and as they were."""

from collections.abc import Sequence

from metrics.jobs import follow_terms
from metrics.services import RatingDay, aggregate_rating_days, aggregate_ticks
from metrics.touched import (
    rating_days_of,
    rating_days_of_items,
    rating_days_of_products,
    ticks_of_orders,
)
from orders.clock import day_of
from orders.models import Order, OrderItem, Product
from orders.services.days import VendorTick
from trustengine.bulk import Among
from trustengine.jobs.services import enqueue
from trustengine.operations.importing import Planned, after_import_of


@after_import_of("vendors")
def follow_fees(planned: Sequence[Planned]) -> None:
    """By jobs: a vendor may have sold for years."""
    for plan in planned:
        if plan.stored and plan.stored.state["fee_bps"] != plan.state["fee_bps"]:
            enqueue(follow_terms, vendor_id=plan.row["vendor_id"])


@after_import_of("products")
def follow_vendors(planned: Sequence[Planned]) -> None:
    """A product that went to another vendor took its reviews along."""
    former = {
        plan.row["product_id"]: plan.stored.state["vendor_id"]
        for plan in planned
        if plan.stored and plan.stored.state["vendor_id"] != plan.state["vendor_id"]
    }
    for product, vendor in former.items():
        days = rating_days_of_products([product])
        aggregate_rating_days(days | {each._replace(vendor_id=vendor) for each in days})


@after_import_of("orders")
def follow_orders(planned: Sequence[Planned]) -> None:
    """An order that was stored before may have been placed at another time, or in another currency."""
    former = {plan.row["order_id"]: plan.stored.state for plan in planned if plan.stored}
    if not former:
        return
    items = OrderItem.objects.filter(Among("order", former)).order_by().values_list("order", "vendor").distinct()
    left = {
        VendorTick(vendor, former[order]["day"], former[order]["currency"], former[order]["tick"])
        for order, vendor in items
    }
    aggregate_ticks(sorted(left | ticks_of_orders(former)))


@after_import_of("order_items")
def follow_items(planned: Sequence[Planned]) -> None:
    """Items count where their orders do, whose status may have changed for all vendors; and what they were is gone."""
    moved = [plan.stored.state for plan in planned if plan.stored]
    places = {order.pk: order for order in Order.objects.filter(Among("pk", {state["order_id"] for state in moved}))}
    left = set()
    for state in moved:
        order = places[state["order_id"]]
        left.add(VendorTick(state["vendor_id"], order.day, order.currency, order.tick))
    orders = {plan.state["order_id"] for plan in planned} | places.keys()
    ratings = rating_days_of_items([plan.row["order_item_id"] for plan in planned])
    aggregate_ticks(sorted(left | ticks_of_orders(orders)), ratings=ratings)


@after_import_of("reviews")
def follow_reviews(planned: Sequence[Planned]) -> None:
    """A review counts on the day on which it was written, for whoever sells the product now."""
    former = [plan.stored.state for plan in planned if plan.stored]
    products = Product.objects.filter(Among("pk", {state["product_id"] for state in former}))
    vendors = dict(products.values_list("pk", "vendor"))
    left = {RatingDay(vendors[state["product_id"]], day_of(state["created_at"])) for state in former}
    aggregate_rating_days(left | rating_days_of([plan.row["review_id"] for plan in planned]))
