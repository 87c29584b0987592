"""From a cart to a payment that is asked for, and back where nobody pays.

Locks: the customer's profile → their checkouts by id → products by id. The payment
provider is called before any of them: a slow provider holds up nobody's stock.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Sum

from orders.errors import OutOfStock, ProductInactive
from orders.jobs.checkouts import cancel_intent, expire_checkout
from orders.models import CartItem, Checkout, CheckoutLine, Product
from orders.payments import Intent, provider
from orders.services import stock
from orders.services.customers import buying_profile, lock_customer
from orders.services.payments import wake_waiting_events
from orders.services.unpaid import require_few_unpaid
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import DomainError, InvalidInput, TryAgain
from trustengine.jobs.services import enqueue, publish
from trustengine.origins import NOWHERE, Origin

TRIES = 3


@dataclass(frozen=True)
class Purchase:
    """What a customer's cart comes to at one moment: the server's prices, by product."""

    customer: Profile
    quantities: dict[UUID, int]
    prices: dict[UUID, int]
    currency: str

    @property
    def amount_cents(self) -> int:
        return sum(self.prices[product] * quantity for product, quantity in self.quantities.items())


@dataclass(frozen=True)
class Started:
    """A checkout that waits for its payment, and what the customer's browser needs to pay it."""

    checkout: Checkout
    client_secret: str
    lines: Sequence[CheckoutLine]


class _Moved(Exception):
    """The cart or a price has changed since the provider was asked."""


def start_checkout(*, actor: User, idempotency_key: str = "", origin: Origin = NOWHERE) -> Started:
    """Hold what is in the actor's cart for ``CHECKOUT_MINUTES``, and ask for its payment at the prices of now.

    Takes the place of the customer's former open checkout, if any, and ends when that would
    have ended. The cart stays as it is until the payment arrives. With an idempotency key a
    repeat asks the provider for the same payment, also after a crash between the two.

    Raises InvalidInput for a cart that is empty, of several currencies or free of charge,
    ProductInactive and OutOfStock naming the products, AccountSuspended, PermissionDenied
    for an account that is no customer, RateLimitExceeded for too many that were not paid,
    ProviderAway, ProviderRefused, TryAgain.
    """
    customer = buying_profile(actor)
    for _ in range(TRIES):
        purchase = _price(customer)
        intent = _ask_for(purchase, idempotency_key)
        try:
            return _open(purchase, intent, actor, origin)
        except (_Moved, DomainError, DatabaseError) as error:
            if not idempotency_key:  # with a key, a repeat is given this very intent again
                _abandon(intent)
            if not isinstance(error, _Moved):
                raise
    raise TryAgain("Prices or stock are changing at this moment. Please try again.")


def _price(customer: Profile) -> Purchase:
    """The purchase that the cart is now, if it can be made at all. Judged again under lock."""
    items = list(CartItem.objects.filter(customer=customer).select_related("product").order_by("product_id"))
    if not items:
        raise InvalidInput("The cart is empty.")
    if inactive := [str(item.product_id) for item in items if not item.product.is_offered]:
        raise ProductInactive(products=inactive)
    currencies = sorted({item.product.currency for item in items})
    if len(currencies) > 1:
        raise InvalidInput(f"One order has one currency; the cart holds {', '.join(currencies)}.")
    own = _held_by(customer)  # by the checkout that this one is to replace
    if short := [str(item.product_id) for item in items if _is_short(item, own.get(item.product_id, 0))]:
        raise OutOfStock(products=short)
    purchase = Purchase(
        customer,
        quantities={item.product_id: item.quantity for item in items},
        prices={item.product_id: item.product.price_cents for item in items},
        currency=currencies[0],
    )
    if not purchase.amount_cents:
        raise InvalidInput("There is nothing to pay for what is in the cart.")
    return purchase


def _held_by(customer: Profile) -> dict[UUID, int]:
    lines = CheckoutLine.objects.filter(checkout__customer=customer, checkout__state=Checkout.State.OPEN, held__gt=0)
    return dict(lines.values_list("product").annotate(held=Sum("held")))


def _is_short(item: CartItem, already_held: int) -> bool:
    return item.product.available is not None and item.product.available + already_held < item.quantity


def _ask_for(purchase: Purchase, idempotency_key: str) -> Intent:
    """A payment intent that no checkout has yet."""
    named = hashlib.sha256(idempotency_key.encode()).hexdigest()[:32] if idempotency_key else uuid4().hex
    key = f"checkout-{purchase.customer.pk}-{named}-{purchase.amount_cents}-{purchase.currency}"
    intent = _create_intent(purchase, key)
    if Checkout.objects.filter(payment_intent_id=intent.id).exists():  # the key is used again, after it had expired
        intent = _create_intent(purchase, f"{key}-{uuid4().hex}")
    return intent


def _create_intent(purchase: Purchase, key: str) -> Intent:
    return provider().create_intent(
        amount_cents=purchase.amount_cents,
        currency=purchase.currency,
        key=key,
        metadata={"customer": str(purchase.customer.pk)},  # the same at a repeat: the provider compares
    )


def _abandon(intent: Intent) -> None:
    """Have an intent cancelled that nobody knows of. For tidiness: without its secret it cannot be paid."""
    with suppress(DatabaseError):  # which may be away: it is what went wrong before that matters
        enqueue(cancel_intent, provider=provider().name, intent_id=intent.id)


@transaction.atomic
def _open(purchase: Purchase, intent: Intent, actor: User, origin: Origin) -> Started:
    """Hold the stock, last but for the lines, so that others wait for it as briefly as can be."""
    lock_customer(purchase.customer)
    renewed_until = _replace_former(purchase, actor)
    in_cart = CartItem.objects.filter(customer=purchase.customer).values_list("product", "quantity")
    if dict(in_cart) != purchase.quantities:  # such as paid for meanwhile
        raise _Moved
    now = database_now()
    if renewed_until is None or renewed_until <= now:
        renewed_until = None
        require_few_unpaid(purchase.customer, origin, now)
    checkout = Checkout.objects.create(
        customer=purchase.customer,
        provider=provider().name,
        payment_intent_id=intent.id,
        amount_cents=purchase.amount_cents,
        currency=purchase.currency,
        created_at=now,
        expires_at=renewed_until or now + timedelta(minutes=settings.CHECKOUT_MINUTES),
        ip_hash=origin.ip_hash,
    )
    record("checkout.started", checkout, actor=actor, after=_told(checkout))
    publish("orders.checkout_started", checkout_id=checkout.pk, payment_intent_id=intent.id)
    enqueue(expire_checkout, run_at=checkout.expires_at, checkout_id=checkout.pk)
    wake_waiting_events(intent.id)
    held = stock.hold(purchase.quantities)
    if any(
        (one.unit_price_cents, one.currency) != (purchase.prices[one.product_id], purchase.currency) for one in held
    ):
        raise _Moved
    lines = CheckoutLine.objects.bulk_create(
        CheckoutLine(
            checkout=checkout,
            product_id=one.product_id,
            vendor_id=one.vendor_id,
            quantity=one.quantity,
            unit_price_cents=one.unit_price_cents,
            held=one.held,
        )
        for one in held
    )
    return Started(checkout, intent.client_secret, lines)


def _replace_former(purchase: Purchase, actor: User) -> datetime | None:
    """End the customer's open checkouts: whoever goes back and forth holds stock once.

    Returns when the first of them would have ended: a renewal that lasted longer would hold
    stock without end.
    """
    own = Checkout.objects.filter(customer=purchase.customer, state=Checkout.State.OPEN)
    former = list(own.select_for_update(of=("self",), no_key=True).order_by("pk"))
    if former:
        freed = CheckoutLine.objects.filter(checkout__in=former).values_list("product", flat=True)
        stock.lock({*freed, *purchase.quantities})
    for checkout in former:
        _close(checkout, actor=actor, reason="replaced")
    return min((checkout.expires_at for checkout in former), default=None)


@transaction.atomic
def close_if_overdue(checkout_id: UUID) -> bool:
    """Give back what a checkout holds once its time is over. False where there was nothing to do.

    Takes turns with the payment under the checkout's lock: whoever comes second finds it
    decided. A payment that comes after the end is a late one.
    """
    checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).filter(pk=checkout_id).first()
    if checkout is None or checkout.state != Checkout.State.OPEN or checkout.expires_at > database_now():
        return False
    _close(checkout, actor=None, reason="expired")
    return True


@transaction.atomic
def close_checkouts_of(product_id: UUID, *, limit: int) -> int:
    """End open checkouts of a product that a moderator has taken out of view; returns how many.

    Their stock is freed and their payments are no longer asked for. Whoever has paid already is refunded.
    """
    if Product.objects.shown().filter(pk=product_id).exists():
        return 0
    found = Checkout.objects.filter(lines__product=product_id, state=Checkout.State.OPEN).order_by("pk")
    ids = list(found.values_list("pk", flat=True)[:limit])
    for pk in ids:
        checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)
        if checkout.state == Checkout.State.OPEN:
            _close(checkout, actor=None, reason="product_moderated")
    return len(ids)


def _close(checkout: Checkout, *, actor: User | None, reason: str) -> None:
    """A locked open checkout ends without a payment."""
    stock.free(checkout)
    checkout.state = Checkout.State.EXPIRED
    checkout.save(update_fields=["state", "updated_at"])
    before, after = {"state": Checkout.State.OPEN}, {"state": Checkout.State.EXPIRED}
    record("checkout.expired", checkout, actor=actor, before=before, after=after, reason=reason)
    publish("orders.checkout_expired", checkout_id=checkout.pk)
    enqueue(cancel_intent, provider=checkout.provider, intent_id=checkout.payment_intent_id)


def _told(checkout: Checkout) -> dict[str, object]:
    return {
        "amount_cents": checkout.amount_cents,
        "currency": checkout.currency,
        "expires_at": checkout.expires_at,
        "payment_intent": checkout.payment_intent_id,
    }
