from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from reviews.derivations import fold
from reviews.jobs import fold_votes, follow_standing, recompute_reputations
from reviews.models import Review, ReviewVote, shard_of
from reviews.services.voting import HELPFUL, UNHELPFUL
from trustengine.accounts.importers import customer_accounts
from trustengine.accounts.models import Membership
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.database_time import database_now
from trustengine.jobs.services import enqueue, enqueue_keys
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

ADD_TO_SHARDS = """
    WITH change AS (
        SELECT * FROM unnest(%(reviews)s::uuid[], %(shards)s::int[], %(helpful)s::int[], %(unhelpful)s::int[])
            AS given (review_id, shard, helpful, unhelpful)
    )
    UPDATE reviews_reviewvoteshard AS stored
    SET helpful = stored.helpful + change.helpful, unhelpful = stored.unhelpful + change.unhelpful
    FROM change WHERE stored.review_id = change.review_id AND stored.shard = change.shard
"""
READY_SHARDS = """
    INSERT INTO reviews_reviewvoteshard (review_id, shard, helpful, unhelpful)
    SELECT review_id, shard, 0, 0 FROM unnest(%(reviews)s::uuid[], %(shards)s::int[]) AS given (review_id, shard)
    ORDER BY review_id, shard
    ON CONFLICT (review_id, shard) DO UPDATE SET helpful = reviews_reviewvoteshard.helpful
"""
LOCK_VOTERS = """
    SELECT id, suspended_at IS NOT NULL FROM accounts_user WHERE id = ANY(%s) ORDER BY id FOR SHARE
"""


@importer("votes")
class Votes(Importer):
    """Who found which review helpful. Whoever wrote or sold what is reviewed has no vote."""

    columns = (
        Column("review_id", values.identifier),
        Column("customer_id", values.identifier),
        Column("vote_type", values.word([HELPFUL, UNHELPFUL])),
        Column("created_at", values.moment, required=False, default=UNSAID),
    )
    key = ("review_id", "customer_id")
    initial = {"created_at": database_now}

    def look_up(self, rows: Sequence[Row]) -> None:
        reviews = Review.objects.filter(Among("pk", [row["review_id"] for row in rows]))
        self.reviews = {
            review: (author, vendor)
            for review, author, vendor in reviews.values_list("pk", "author", "product__vendor")
        }
        self.users = {
            customer: user for customer, (user, _) in customer_accounts(row["customer_id"] for row in rows).items()
        }
        vendors = {vendor for _, vendor in self.reviews.values()}
        members = Membership.objects.filter(Among("profile", vendors), Among("user", self.users.values()))
        self.members = set(members.values_list("user", "profile"))

    def refusal(self, row: Row) -> Refusal | None:
        if row["review_id"] not in self.reviews:
            return Refusal(Reason.UNKNOWN_REFERENCE, "review_id")
        if row["customer_id"] not in self.users:
            return Refusal(Reason.UNKNOWN_REFERENCE, "customer_id")
        voter = self.users[row["customer_id"]]
        author, vendor = self.reviews[row["review_id"]]
        if voter == author or (voter, vendor) in self.members:
            return Refusal(Reason.INVALID_VALUE, "customer_id")
        return None

    def state(self, row: Row) -> State:
        return {"helpful": row["vote_type"] == HELPFUL, "created_at": row["created_at"]}

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        customers = {self.users[customer]: customer for _, customer in keys if customer in self.users}
        votes = ReviewVote.objects.filter(
            Among("review_id", [review for review, _ in keys]), Among("user_id", customers)
        )
        if lock:
            votes = votes.select_for_update(no_key=True).order_by("review_id", "user_id")
        found = votes.values_list("review_id", "user_id", "helpful", "created_at", "shard", "import_digest")
        return {
            (review, customers[user]): Stored({"helpful": helpful, "created_at": created}, digest, id=shard)
            for review, user, helpful, created, shard, digest in found
        }

    def lock(self, planned: Sequence[Planned]) -> None:
        reviews = Review.objects.filter(Among("pk", [plan.row["review_id"] for plan in planned])).order_by("pk")
        list(reviews.select_for_update(of=("self",), no_key=True).values_list("pk"))

    def create(self, planned: Sequence[Planned]) -> None:
        rows = [
            self._vote(plan) | {"shard": self._shard(plan), "updated_at": plan.state["created_at"]} for plan in planned
        ]
        insert_rows(ReviewVote, sorted(rows, key=lambda row: (str(row["review_id"]), str(row["user_id"]))))

    def update(self, planned: Sequence[Planned]) -> None:
        rows = [
            self._vote(plan) | {"previous": plan.stored and plan.stored.state["helpful"], "updated_at": database_now()}
            for plan in planned
        ]
        update_rows(ReviewVote, ["review_id", "user_id"], rows)

    def settle(self, planned: Sequence[Planned]) -> None:
        """Move the shards by what has changed, as a vote does, then fold them into the totals.

        A fold that runs elsewhere at this moment may have read the shards before, and
        write after; so that its word is not the last, another is asked for.
        """
        changes = self._changes(planned)
        keys = sorted(changes)
        arrays: dict[str, Any] = {
            "reviews": [review for review, _ in keys],
            "shards": [shard for _, shard in keys],
            "helpful": [changes[key][HELPFUL] for key in keys],
            "unhelpful": [changes[key][UNHELPFUL] for key in keys],
        }
        with connection.cursor() as cursor:
            cursor.execute(READY_SHARDS, arrays)
            cursor.execute(ADD_TO_SHARDS, arrays)
        reviews = sorted({review for review, _ in keys})
        fold(reviews)
        enqueue_keys(fold_votes, reviews)
        authors = Review.objects.filter(Among("pk", reviews)).values_list("author", flat=True)
        enqueue(recompute_reputations, users=sorted(set(authors)))
        enqueue_keys(follow_standing, self._suspended(planned))

    def _suspended(self, planned: Sequence[Planned]) -> list[UUID]:
        """Voters who are suspended. Their rows stay share-locked, so that a suspension meanwhile sees these votes."""
        voters = sorted({self.users[plan.row["customer_id"]] for plan in planned})
        with connection.cursor() as cursor:
            cursor.execute(LOCK_VOTERS, [voters])
            return [user for user, is_suspended in cursor.fetchall() if is_suspended]

    def _changes(self, planned: Sequence[Planned]) -> dict[tuple[UUID, int], Counter[str]]:
        changes: dict[tuple[UUID, int], Counter[str]] = {}
        for plan in planned:
            change = changes.setdefault((plan.row["review_id"], self._shard(plan)), Counter())
            change[HELPFUL if plan.state["helpful"] else UNHELPFUL] += 1
            if plan.stored:
                change[HELPFUL if plan.stored.state["helpful"] else UNHELPFUL] -= 1
        return changes

    def _shard(self, plan: Planned) -> int:
        return plan.stored.id if plan.stored else shard_of(self.users[plan.row["customer_id"]])

    def _vote(self, plan: Planned) -> dict[str, Any]:
        return {
            "review_id": plan.row["review_id"],
            "user_id": self.users[plan.row["customer_id"]],
            "helpful": plan.state["helpful"],
            "created_at": plan.state["created_at"],
            "import_digest": plan.digest,
        }
