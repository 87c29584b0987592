"""What orders take away of a person. The orders stay, as records of commerce, under a profile that names nobody."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.export import of_customer
from orders.models import CartItem, CheckoutLine, OrderItem, PaymentEvent, Product
from trustengine.accounts.erasing import eraser, hindrance
from trustengine.accounts.models import Membership, Profile, User
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled

ERASED: dict[str, Any] = {}  # in place of a payload: what may be tried again has one
SETTLED = Q(state__in=[PaymentEvent.State.PROCESSED, PaymentEvent.State.IGNORED])
LATE_PAYLOADS = 5_000
UNFINISHED = [OrderItem.Fulfilment.PENDING, OrderItem.Fulfilment.PROCESSING, OrderItem.Fulfilment.SHIPPED]


@hindrance("orders.vendors")
def shops_without_another_owner(user: User) -> str:
    """A shop that still sells, or still owes, needs an owner: the person hands it over or winds it up first."""
    owner = Membership.Role.OWNER
    others = Membership.objects.filter(profile=OuterRef("pk"), role=owner).exclude(user=user)
    alone = Profile.objects.vendors().filter(~Exists(others), memberships__user=user, memberships__role=owner)
    selling = Product.objects.active().filter(vendor=OuterRef("pk"))
    owing = OrderItem.objects.filter(vendor=OuterRef("pk"), fulfilment_status__in=UNFINISHED, refunded_at=None)
    promised = CheckoutLine.objects.filter(vendor=OuterRef("pk"), checkout__state="open")
    if alone.filter(Exists(selling) | Exists(owing) | Exists(promised)).exists():
        return "You are the only owner of a shop that still sells or has unfinished orders: hand it over or close it."
    return ""


@eraser("orders.carts", order=30)
def empty_cart(user: User, limit: int) -> int:
    CartItem.objects.filter(customer__user=user).delete()
    return 0


@eraser("orders.tracking", order=40)
def forget_parcels(user: User, limit: int) -> int:
    """Tracking numbers, by which a carrier tells the address."""
    items = OrderItem.objects.filter(order__customer__user=user).exclude(tracking_number="").order_by("pk")
    found = items.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)[:limit]
    return OrderItem.objects.filter(pk__in=list(found)).update(tracking_number="")


@eraser("orders.payments", order=41)
def forget_payloads(user: User, limit: int) -> int:
    """What the payment provider told of them. What is still to be processed is left to ``forget_late_payloads``."""
    return _forget(PaymentEvent.objects.filter(SETTLED, of_customer(user)), limit)


@scheduled("53 3 * * *")
@job(queue="low")
def forget_late_payloads() -> dict[str, int]:
    """Payloads of erased people that were processed after their erasure, such as a refund's.

    One that failed is the operators' to try again for as many days as an event may wait.
    """
    erased = Q(checkout__customer__user__erasure__isnull=False) | Q(order__customer__user__erasure__isnull=False)
    long_ago = database_now() - timedelta(days=settings.PAYMENT_EVENT_DAYS)
    given_up = Q(state=PaymentEvent.State.FAILED, received_at__lt=long_ago)
    return {"payloads": _forget(PaymentEvent.objects.filter(erased).filter(SETTLED | given_up), LATE_PAYLOADS)}


def _forget(events: "QuerySet[PaymentEvent]", limit: int) -> int:
    found = events.exclude(payload=ERASED).order_by("pk").values_list("pk", flat=True)[:limit]
    return PaymentEvent.objects.filter(pk__in=list(found)).update(payload=ERASED)
