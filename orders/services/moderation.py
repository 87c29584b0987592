"""Take products out of public view and show them again. Locks: the product.

This state belongs to moderators: nothing that a vendor may call is in this module. ``reports``
calls it, which has judged who decides and on which ground, and records the decision.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from orders.models import Product
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import NotFound
from trustengine.jobs.services import publish

State = dict[str, Any]
MEMBERS = ("is_hidden", "removed_at", "removal_reason", "removal_ground")
NOT_MODERATED: State = {"is_hidden": False, "removed_at": None, "removal_reason": "", "removal_ground": ""}


def moderation_state(product: Product) -> State:
    """The moderators' state of a product, as JSON that can be put back exactly."""
    state = {name: getattr(product, name) for name in MEMBERS}
    return state | {"removed_at": product.removed_at and product.removed_at.isoformat()}


@transaction.atomic
def hide_product(product_id: UUID, *, actor: User | None, reason: str) -> Product:
    """Take a product out of public view and off sale. Idempotent. Raises NotFound."""
    product = lock_product(product_id)
    return _set(product, moderation_state(product) | {"is_hidden": True}, "product.hidden", actor, reason)


@transaction.atomic
def remove_product(product_id: UUID, *, actor: User | None, reason: str, ground: str = "terms") -> Product:
    """Take a product down; ``reason`` is a code of the catalogue, which the tombstone names beside the ground,
    ``illegal`` or ``terms``. Idempotent; what is down on the terms may still be found illegal. Raises NotFound.
    """
    product = lock_product(product_id)
    if product.removed_at is not None and (ground != "illegal" or product.removal_ground == ground):
        return product
    removed = {"removed_at": database_now().isoformat(), "removal_reason": reason, "removal_ground": ground}
    return _set(product, moderation_state(product) | removed, "product.removed", actor, reason)


@transaction.atomic
def restore_product(product_id: UUID, *, actor: User | None, reason: str) -> Product:
    """Lift whatever moderators have imposed; whether it is on offer is the vendor's. Idempotent. Raises NotFound."""
    return _set(lock_product(product_id), NOT_MODERATED, "product.restored", actor, reason)


@transaction.atomic
def put_back_product(product_id: UUID, state: State, *, actor: User | None, reason: str) -> Product:
    """Give a product the moderators' state that it had before a decision. Raises NotFound."""
    return _set(lock_product(product_id), state, "product.decision_undone", actor, reason)


def lock_product(product_id: UUID) -> Product:
    """A product, locked for this transaction. Raises NotFound."""
    product = Product.objects.select_for_update(of=("self",), no_key=True).filter(pk=product_id).first()
    if product is None:
        raise NotFound
    return product


def _set(product: Product, state: State, verb: str, actor: User | None, reason: str) -> Product:
    before = moderation_state(product)
    if before == state:
        return product
    moment = state["removed_at"]
    for name in MEMBERS:
        setattr(product, name, state[name])
    product.removed_at = moment and datetime.fromisoformat(moment)
    product.save(update_fields=[*MEMBERS, "updated_at"])
    record(verb, product, actor=actor, before=before, after=state, reason=reason)
    publish("orders.product_moderated", product_id=product.pk)
    return product
