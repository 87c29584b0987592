"""Orders of the last weeks: more on Sundays than on Fridays, fulfilled as far as their age allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from orders.clock import placement
from orders.models import Order, OrderItem
from trustengine.devtools.demo.people import Person
from trustengine.devtools.demo.shops import Article
from trustengine.devtools.demo.world import DAYS, World

ORDERS = 1_180
BY_WEEKDAY = (1.0, 0.95, 0.95, 0.9, 0.8, 1.1, 1.3)  # Monday first
BY_HOUR = (1, 1, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 7, 6, 6, 6, 7, 9, 11, 12, 10, 6, 3)
BASKETS = ((1, 2, 3, 4), (52, 30, 13, 5))  # how many products, and how often
CANCELLED, RETURNED, REFUNDED = 0.035, 0.03, 0.015

Fulfilment = OrderItem.Fulfilment


@dataclass
class Purchase:
    """An item that somebody bought, with all that a review of it needs."""

    person: Person
    article: Article
    item: OrderItem
    companions: list[OrderItem] = field(default_factory=list)


def make_purchases(world: World, people: Sequence[Person], articles: Sequence[Article]) -> list[Purchase]:
    """All orders of ``people`` up to the horizon, oldest first."""
    days = [world.ago(DAYS - number) for number in range(DAYS)]
    return [purchase for moment in _moments(world, days, ORDERS) for purchase in _buy(world, people, articles, moment)]


def make_todays_purchases(world: World, people: Sequence[Person], articles: Sequence[Article]) -> None:
    """The present day's orders so far. Made after all else, for how many there are depends on the hour."""
    for moment in _moments(world, [world.horizon], ORDERS // DAYS):
        if moment > world.now:
            break
        _buy(world, people, articles, moment)


def _buy(world: World, people: Sequence[Person], articles: Sequence[Article], moment: datetime) -> list[Purchase]:
    person = world.rng.choices(people, [person.activity for person in people])[0]
    size = world.rng.choices(*BASKETS)[0]
    picks = world.rng.choices(articles, [article.demand for article in articles], k=size)
    basket = list({article.product.pk: article for article in picks}.values())
    if world.chance(0.35):  # some fill their basket at one vendor
        basket = [article for article in basket if article.trade == basket[0].trade]
    return place_order(world, person, basket, moment)


def place_order(
    world: World, person: Person, basket: Sequence[Article], moment: datetime, *, smooth: bool = False
) -> list[Purchase]:
    """One order. Each vendor sends its part on its own; things go wrong by chance, unless ``smooth``."""
    order = Order(
        id=world.uuid(moment),
        customer=person.profile,
        currency=settings.MARKETPLACE_CURRENCY,
        **placement(moment),
    )
    world.add(order)
    world.touch(order, moment)
    purchases = []
    parcels: dict[str, datetime] = {}
    cancelled = not smooth and world.chance(CANCELLED)
    for article in basket:
        item = OrderItem(
            id=world.uuid(moment),
            order=order,
            product=article.product,
            vendor=article.product.vendor,
            day=order.day,
            tick=order.tick,
            quantity=world.rng.choices((1, 2, 3), (86, 11, 3))[0],
            unit_price_cents=article.offer.price_cents,
        )
        world.add(item)
        world.touch(item, moment)
        if cancelled or (not smooth and world.chance(0.01)):
            cancel(world, item, article)
        else:
            shipped = parcels.setdefault(article.trade, world.later(moment, hours=(14, 80)))
            fulfil(world, item, article, shipped=shipped, smooth=smooth)
        purchases.append(Purchase(person, article, item))
    for purchase in purchases:
        purchase.companions = [other.item for other in purchases]
    return purchases


def fulfil(world: World, item: OrderItem, article: Article, *, shipped: datetime, smooth: bool) -> None:
    """Send, deliver, and sometimes take back an item, as far as that lies before the horizon."""
    placed = item.order.placed_at
    _move(world, item, article, Fulfilment.PROCESSING, world.later(placed, hours=(0.5, 12)))
    item.tracking_number = f"TE{world.rng.randrange(10**9):09d}" if shipped < world.horizon else ""
    if not _move(world, item, article, Fulfilment.SHIPPED, shipped):
        return
    delivered = world.later(shipped, hours=(22, 110))
    if not _move(world, item, article, Fulfilment.DELIVERED, delivered) or smooth:
        return
    if world.chance(RETURNED):
        returned = world.later(delivered, hours=(50, 330))
        if _move(world, item, article, Fulfilment.RETURNED, returned):
            refund(world, item, world.later(returned, hours=(3, 60)))
    elif world.chance(REFUNDED):
        refund(world, item, world.later(delivered, hours=(20, 300)))


def cancel(world: World, item: OrderItem, article: Article) -> None:
    """Cancel an item before it is sent, and pay back."""
    moment = world.later(item.order.placed_at, hours=(0.2, 10))
    if _move(world, item, article, Fulfilment.CANCELLED, moment):
        refund(world, item, moment + timedelta(minutes=4))


def refund(world: World, item: OrderItem, moment: datetime) -> None:
    """Pay an item back."""
    if moment < world.horizon:
        item.refunded_at = moment
        world.touch(item, moment)
        world.touch(item.order, moment)
        world.record(moment, "order_item.refunded", item, after={"refunded_at": moment})


def status_on(items: Sequence[OrderItem], moment: datetime) -> str:
    """What an order's status was at a moment in the past at which one of its items had arrived."""
    kept = [item for item in items if item.cancelled_at is None]
    if all(item.delivered_at and item.delivered_at <= moment for item in kept):
        return Order.Status.DELIVERED
    if all(item.shipped_at and item.shipped_at <= moment for item in kept):
        return Order.Status.SHIPPED
    return Order.Status.CONFIRMED


def _move(world: World, item: OrderItem, article: Article, to: Fulfilment, moment: datetime) -> bool:
    """One step of fulfilment; False where it lies in the future."""
    if moment >= world.horizon:
        return False
    before = {"fulfilment_status": item.fulfilment_status}
    after: dict[str, object] = {"fulfilment_status": to}
    item.fulfilment_status = to
    if to != Fulfilment.PROCESSING:
        after[f"{to}_at"] = moment
        setattr(item, f"{to}_at", moment)
    world.touch(item, moment)
    world.touch(item.order, moment)
    world.record(moment, "order_item.moved", item, actor=article.owner, before=before, after=after)
    return True


def _moments(world: World, days: Sequence[datetime], count: int) -> list[datetime]:
    """When orders are placed: a weekly and a daily rhythm, and slow growth."""
    weights = [BY_WEEKDAY[day.weekday()] * (0.8 + 0.4 * number / len(days)) for number, day in enumerate(days)]
    chosen = world.rng.choices(days, weights, k=count)
    hours = world.rng.choices(range(24), BY_HOUR, k=count)
    pairs = zip(chosen, hours, strict=True)
    return sorted(day + timedelta(hours=hour, seconds=world.rng.uniform(0, 3_600)) for day, hour in pairs)
