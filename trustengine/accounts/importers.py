"""People from a marketplace's files: the person with id X is the user whose subject is X.

Somebody erased stays so. Their row is kept as it is, and rows that refer to them, such as
their reviews and votes, are refused as if they had never been.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.tombstones import erased_among
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.operations.importing import (
    UNSAID,
    Column,
    Importer,
    Key,
    Planned,
    Row,
    State,
    Stored,
    importer,
    state_digest,
    values,
)

# What an import finds of somebody erased: it has been changed by others since, so it is kept as it is.
ERASED = Stored({"email": None, "created_at": None}, None)


def customer_accounts(ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, UUID]]:
    """The (user id, profile id) of each of these customers who exists, and was never erased."""
    wanted = set(ids)
    wanted -= erased_people(wanted)
    profiles = Profile.objects.filter(Among("user__subject", [str(customer) for customer in wanted]))
    found = profiles.values_list("user__subject", "user", "pk")
    return {UUID(subject): (user, profile) for subject, user, profile in found}


def erased_people(ids: Iterable[UUID]) -> set[UUID]:
    """Those of these people who were erased: no file brings anything of theirs back."""
    return {UUID(subject) for subject in erased_among([str(person) for person in set(ids)])}


def find_people(ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Stored]:
    """The users of these people, with what an import writes of them."""
    users = User.objects.filter(Among("subject", [str(person) for person in set(ids)]))
    if lock:
        users = users.select_for_update(of=("self",), no_key=True).order_by("pk")
    return {
        UUID(subject): Stored({"email": email, "created_at": joined}, digest, id=user)
        for subject, user, email, joined, digest in users.values_list(
            "subject", "pk", "email", "date_joined", "import_digest"
        )
    }


def add_people(states: Mapping[UUID, State]) -> dict[UUID, UUID]:
    """New users, who sign in elsewhere: the user id of each person."""
    made = {person: uuid7() for person in sorted(states)}
    insert_rows(
        User,
        [
            {
                "id": user,
                "subject": str(person),
                "password": UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20),
                "email": states[person]["email"],
                "date_joined": states[person]["created_at"],
                "import_digest": state_digest(states[person]),
            }
            for person, user in made.items()
        ],
    )
    return made


@importer("customers")
class Customers(Importer):
    """A customer is a user, their customer profile and their ownership of it."""

    columns = (
        Column("customer_id", values.identifier),
        Column("email", values.email, required=False, default=""),
        Column("created_at", values.moment, required=False, default=UNSAID),
    )
    key = ("customer_id",)
    initial = {"created_at": database_now}

    def look_up(self, rows: Sequence[Row]) -> None:
        self.people = find_people(row["customer_id"] for row in rows)

    def state(self, row: Row) -> State:
        return {"email": row["email"], "created_at": row["created_at"]}

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        ids = [customer for (customer,) in keys]
        found = find_people(ids, lock=True) if lock else self.people
        known: dict[Key, Stored] = {
            (customer,): found[customer] for customer in customer_accounts(ids) if customer in found
        }
        return known | {(customer,): ERASED for customer in erased_people(ids)}

    def create(self, planned: Sequence[Planned]) -> None:
        """A person may be known already, as a vendor's owner or as staff: then only the profile is new."""
        states = {plan.row["customer_id"]: plan.state for plan in planned}
        users = add_people({person: state for person, state in states.items() if person not in self.people})
        known = find_people([person for person in states if person in self.people], lock=True)
        users |= {person: stored.id for person, stored in known.items()}
        self._write([plan for plan in planned if (old := known.get(plan.row["customer_id"])) and old.is_untouched])
        profiles: list[dict[str, Any]] = [
            {
                "id": uuid7(),
                "kind": Profile.Kind.CUSTOMER,
                "user_id": user,
                "created_at": states[person]["created_at"],
            }
            for person, user in sorted(users.items())
        ]
        insert_rows(Profile, profiles)
        insert_rows(
            Membership,
            [
                {
                    "user_id": profile["user_id"],
                    "profile_id": profile["id"],
                    "role": Membership.Role.OWNER,
                    "created_at": profile["created_at"],
                }
                for profile in profiles
            ],
        )

    def update(self, planned: Sequence[Planned]) -> None:
        self._write(planned)

    def _write(self, planned: Sequence[Planned]) -> None:
        update_rows(
            User,
            ["subject"],
            [
                {
                    "subject": str(plan.row["customer_id"]),
                    "email": plan.state["email"],
                    "date_joined": plan.state["created_at"],
                    "import_digest": plan.digest,
                }
                for plan in planned
            ],
        )
