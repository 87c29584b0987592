from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from orders.models import VendorTerms
from trustengine.accounts.importers import add_people, erased_people, find_people
from trustengine.accounts.models import Membership, Profile
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.database_time import database_now
from trustengine.operations.importing import (
    UNSAID,
    Column,
    Importer,
    Key,
    Planned,
    Reason,
    Refusal,
    Row,
    State,
    Stored,
    importer,
    values,
)

OWNER = Membership.Role.OWNER


@importer("vendors")
class Vendors(Importer):
    """A vendor is a profile with its terms; the person named owns it, and becomes a user where unseen."""

    columns = (
        Column("vendor_id", values.identifier),
        Column("business_name", values.text(120)),
        Column("user_id", values.identifier, required=False, default=UNSAID),
        Column("fee_bps", values.whole(0, 10_000), required=False),
    )
    key = ("vendor_id",)
    initial = {"owners": list}

    def look_up(self, rows: Sequence[Row]) -> None:
        customers = Profile.objects.filter(Among("pk", [row["vendor_id"] for row in rows]), kind=Profile.Kind.CUSTOMER)
        self.customers = set(customers.values_list("pk", flat=True))
        self.erased = erased_people(row["user_id"] for row in rows if row["user_id"] is not UNSAID)

    def refusal(self, row: Row) -> Refusal | None:
        if row["user_id"] in self.erased:
            return Refusal(Reason.UNKNOWN_REFERENCE, "user_id")
        if row["vendor_id"] in self.customers:
            return Refusal(Reason.INVALID_VALUE, "vendor_id")  # the id of a profile that is no vendor
        return None

    def state(self, row: Row) -> State:
        owners = UNSAID if row["user_id"] is UNSAID else [str(row["user_id"])]
        return {"business_name": row["business_name"], "fee_bps": row["fee_bps"], "owners": owners}

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        vendors = Profile.objects.vendors().filter(Among("pk", [vendor for (vendor,) in keys]))
        if lock:
            list(vendors.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))
        owners = ArrayAgg(
            "memberships__user__subject", filter=Q(memberships__role=OWNER), order_by="memberships__user__subject"
        )
        rows = vendors.annotate(owners=owners).values_list(
            "pk", "display_name", "terms__fee_bps", "owners", "import_digest"
        )
        return {
            (vendor,): Stored({"business_name": name, "fee_bps": fee, "owners": owners or []}, digest)
            for vendor, name, fee, owners, digest in rows
        }

    def create(self, planned: Sequence[Planned]) -> None:
        profiles = [self._profile(plan) | {"kind": Profile.Kind.VENDOR} for plan in planned]
        insert_rows(Profile, sorted(profiles, key=lambda profile: str(profile["id"])))
        terms = [{"profile_id": plan.row["vendor_id"], "fee_bps": plan.state["fee_bps"]} for plan in planned]
        insert_rows(VendorTerms, terms)
        self._set_owners(planned)

    def update(self, planned: Sequence[Planned]) -> None:
        update_rows(Profile, ["id"], [self._profile(plan) for plan in planned])
        VendorTerms.objects.bulk_create(
            [VendorTerms(profile_id=plan.row["vendor_id"], fee_bps=plan.state["fee_bps"]) for plan in planned],
            update_conflicts=True,
            unique_fields=["profile"],
            update_fields=["fee_bps"],
        )
        moved = [plan for plan in planned if plan.stored and plan.stored.state["owners"] != plan.state["owners"]]
        former = Membership.objects.filter(Among("profile", [plan.row["vendor_id"] for plan in moved]), role=OWNER)
        former.delete()
        self._set_owners(moved)

    def _profile(self, plan: Planned) -> dict[str, Any]:
        return {
            "id": plan.row["vendor_id"],
            "display_name": plan.state["business_name"],
            "import_digest": plan.digest,
        }

    def _set_owners(self, planned: Sequence[Planned]) -> None:
        wanted = [(plan.row["vendor_id"], UUID(owner)) for plan in planned for owner in plan.state["owners"]]
        people = {person for _, person in wanted}
        users = {person: stored.id for person, stored in find_people(people).items()}
        unseen = {"email": "", "created_at": database_now()}
        users |= add_people({person: unseen for person in people if person not in users})
        Membership.objects.bulk_create(
            [Membership(profile_id=vendor, user_id=users[person], role=OWNER) for vendor, person in wanted],
            update_conflicts=True,
            unique_fields=["user", "profile"],
            update_fields=["role"],
        )
