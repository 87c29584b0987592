"""What the marketplace has agreed with a vendor. Locks: the terms."""

from uuid import UUID

from django.db import transaction

from orders.models import VendorTerms
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.jobs.services import publish

PERMISSION = "orders.set_fee"
ALL_BPS = 10_000


@transaction.atomic
def set_fee(vendor_id: UUID, *, fee_bps: int | None, actor: User | None) -> VendorTerms:
    """Set a vendor's fee, in basis points of a sale; None for the marketplace's default.

    Who sums up days does so by the present fee, of past orders too, and is told by
    ``orders.terms_changed``; what was booked in the ledger stays as it was booked. Setting
    what is set already changes nothing. Raises NotFound for what is no vendor,
    PermissionDenied, InvalidInput for less than nothing or more than all.
    """
    if actor is not None and not actor.has_perm(PERMISSION):
        raise PermissionDenied
    if fee_bps is not None and not 0 <= fee_bps <= ALL_BPS:
        raise InvalidInput(fields={"fee_bps": f"A fee is from 0 to {ALL_BPS} basis points."})
    if not Profile.objects.vendors().filter(pk=vendor_id).exists():
        raise NotFound
    VendorTerms.objects.bulk_create([VendorTerms(profile_id=vendor_id)], ignore_conflicts=True)
    terms = VendorTerms.objects.select_for_update(of=("self",), no_key=True).get(pk=vendor_id)
    if terms.fee_bps == fee_bps:
        return terms
    before = {"fee_bps": terms.fee_bps}
    terms.fee_bps = fee_bps
    terms.save(update_fields=["fee_bps"])
    record("vendor_terms.fee_set", terms, actor=actor, before=before, after={"fee_bps": fee_bps})
    publish("orders.terms_changed", vendor_id=vendor_id)
    return terms
