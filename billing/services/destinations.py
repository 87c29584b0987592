"""Where vendors' money goes."""

import re
from uuid import UUID

from billing.models import PayoutDestination
from billing.models.payout import BANK_DATA, REFERENCE
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.row_security import Reason, every_row

PERMISSION = "billing.set_destination"


def set_destination(profile_id: UUID, reference: str, *, actor: User) -> PayoutDestination:
    """Say where a vendor's payouts go from now on: by a reference of the bank's or provider's.

    A draft that names another one cannot be approved any more. Raises PermissionDenied,
    NotFound for what is no vendor, InvalidInput for what looks like an account number.
    """
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    reference = reference.strip()
    if not re.fullmatch(REFERENCE, reference, re.ASCII):
        raise InvalidInput(fields={"reference": "4 to 120 letters, digits and _ . : / -"})
    if re.fullmatch(BANK_DATA, reference):
        problem = "This looks like an account number: give the reference under which the bank or provider knows it."
        raise InvalidInput(fields={"reference": problem})
    with every_row(Reason.PAYOUTS):
        vendor = Profile.objects.vendors().select_for_update(of=("self",), no_key=True).filter(pk=profile_id).first()
        if vendor is None:
            raise NotFound
        known = PayoutDestination.objects.filter(profile=vendor).first()
        if known and known.reference == reference:
            return known
        row = known or PayoutDestination(profile=vendor)
        before = {"reference": row.reference} if known else {}
        row.reference, row.set_by, row.set_at = reference, actor, database_now()
        row.save()
        record(
            "payout_destination.set",
            row,
            actor=actor,
            before=before,
            after={"reference": reference, "vendor": vendor.pk},
        )
        return row
