"""What vendors do to their products. A product's row is locked before its stock is judged."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from orders.currencies import CODES
from orders.models import MOST_STOCK, Product
from orders.payments.amounts import price_step
from trustengine.accounts.access import has_profile_access, require_good_standing
from trustengine.accounts.models import Membership, Profile, User
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.jobs.services import publish

TEXTS = ("title", "description")


@transaction.atomic
def create_product(*, actor: User, vendor_id: UUID | None = None, **fields: Any) -> Product:
    """Offer a new product, of the vendor named or else of the only one that the actor may sell for.

    Raises NotFound for a vendor the actor has no part in, PermissionDenied for a mere
    viewer, InvalidInput where the vendor is not clear, and for a currency or price that
    nobody can pay, AccountSuspended.
    """
    require_good_standing(actor)
    product = Product(vendor_id=_vendor(actor, vendor_id), **fields)
    product.currency = product.currency or settings.MARKETPLACE_CURRENCY
    _check_price(product)
    product.save(force_insert=True)
    record("product.created", product, actor=actor, after={"vendor": product.vendor_id, **_figures(product)})
    publish("orders.product_changed", product_id=product.pk)
    return product


@transaction.atomic
def update_product(product_id: UUID, *, actor: User, changes: Mapping[str, Any]) -> Product:
    """Change what a product is, costs, or how much of it there is.

    ``stock`` sets the pieces on hand (None: no longer tracked), ``stock_change`` adds to
    them or takes from them and so cannot undo a sale of the same moment. What checkouts
    hold stays held, at the price they were given. A change to what is so already leaves no trace.

    Raises NotFound for a product of a vendor the actor has no part in, PermissionDenied
    for a mere viewer, InvalidInput for fewer pieces than are reserved, AccountSuspended.
    """
    require_good_standing(actor)
    vendor_id = Product.objects.filter(pk=product_id).values_list("vendor", flat=True).first()
    if vendor_id is None:
        raise NotFound
    _require_manager(actor, vendor_id)
    product = Product.objects.select_for_update(of=("self",), no_key=True).get(pk=product_id)
    before, texts = _figures(product), {name: getattr(product, name) for name in TEXTS}
    for name, value in changes.items():
        if name != "stock_change":
            setattr(product, name, value)
    if "stock_change" in changes:
        product.stock = _moved_stock(product, changes)
    if "price_cents" in changes or "currency" in changes:
        _check_price(product)
    if product.stock is not None and product.stock < product.reserved:
        problem = f"{product.reserved} pieces are reserved by open checkouts: there must be at least as many."
        raise InvalidInput(fields={"stock_change" if "stock_change" in changes else "stock": problem})
    after = _figures(product)
    rewritten = [name for name in TEXTS if getattr(product, name) != texts[name]]
    changed = [name for name in after if after[name] != before[name]]
    if changed or rewritten:
        product.save(update_fields=[*changed, *rewritten, "updated_at"])
        record(
            "product.changed",
            product,
            actor=actor,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed} | ({"rewritten": rewritten} if rewritten else {}),
        )
        publish("orders.product_changed", product_id=product.pk)
    return product


def _vendor(actor: User, vendor_id: UUID | None) -> UUID:
    """The vendor to sell for."""
    if vendor_id is not None:
        if not Profile.objects.vendors().filter(pk=vendor_id).exists():
            raise NotFound
        _require_manager(actor, vendor_id)
        return vendor_id
    roles = (Membership.Role.MANAGER, Membership.Role.OWNER)
    own = list(Profile.objects.vendors().of(actor, *roles).values_list("pk", flat=True)[:2])
    if not own:
        raise PermissionDenied("You may not sell for any vendor.")
    if len(own) > 1:
        raise InvalidInput(fields={"vendor": "You may sell for several vendors: name one."})
    return own[0]


def _require_manager(actor: User, vendor_id: UUID) -> None:
    if not has_profile_access(actor, vendor_id):  # before any lock: strangers hold nobody up
        raise NotFound
    if not has_profile_access(actor, vendor_id, Membership.Role.MANAGER):
        raise PermissionDenied


def _moved_stock(product: Product, changes: Mapping[str, Any]) -> int:
    if "stock" in changes:
        raise InvalidInput(fields={"stock_change": "Send either this or stock."})
    if product.stock is None:
        raise InvalidInput(fields={"stock_change": "This product's stock is not tracked: set stock first."})
    moved: int = product.stock + changes["stock_change"]
    if not 0 <= moved <= MOST_STOCK:
        raise InvalidInput(
            fields={"stock_change": f"There are {product.stock} pieces; 0 to {MOST_STOCK} are possible."}
        )
    return moved


def _check_price(product: Product) -> None:
    if product.currency not in CODES | {settings.MARKETPLACE_CURRENCY}:
        raise InvalidInput(fields={"currency": "Not a currency of ISO 4217."})
    if product.price_cents % (step := price_step(product.currency)):
        raise InvalidInput(fields={"price_cents": f"A price in {product.currency} must be a multiple of {step}."})


def _figures(product: Product) -> dict[str, Any]:
    """What the audit log may hold of a product: all but its texts."""
    return {name: getattr(product, name) for name in ("price_cents", "currency", "stock", "is_active")}
