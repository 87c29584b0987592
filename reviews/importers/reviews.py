from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from orders.models import OrderItem, Product, mostly_refunded
from reviews.derivations import follow_refunds, recount_stars
from reviews.jobs import recompute_reputations, screen_review
from reviews.models import Review, ReviewRevision, Screening
from reviews.ratings import note_told
from reviews.services.purchase import snapshot
from reviews.trends import refresh as refresh_trends
from trustengine.accounts.importers import customer_accounts
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.identifiers import uuid7
from trustengine.jobs.services import enqueue, enqueue_keys
from trustengine.operations.importing import (
    Column,
    Importer,
    Key,
    Planned,
    Reason,
    Refusal,
    Row,
    State,
    Stored,
    Verdict,
    importer,
    values,
)

CONTENT = ("rating", "title", "comment")
WRITTEN = ("product_id", "author_id", "order_item_id", *CONTENT, "status", "verification", "created_at")
# Not written, but an imported review that has any of these has been in somebody's hands.
UNTOUCHED = {
    "edit_count": 0,
    "is_hidden": False,
    "restricted_at": None,
    "removed_at": None,
    "deleted_at": None,
    "moderated_by_id": None,
}
PENDING = Review.Status.PENDING

PURCHASE = ("order__customer", "order", "product")


class Bought(NamedTuple):
    """What a review needs to know of the item it is about."""

    pk: UUID
    delivered_at: datetime | None
    refunded_at: datetime | None
    fulfilment_status: str
    refunded_cents: int
    quantity: int
    unit_price_cents: int

    @property
    def was_delivered(self) -> bool:
        """Whether it has ever reached its buyer; one returned without a delivery has not."""
        return self.delivered_at is not None or self.fulfilment_status == OrderItem.Fulfilment.DELIVERED

    @property
    def is_refunded(self) -> bool:
        """Whether its review would not count."""
        return mostly_refunded(self.refunded_at, self.refunded_cents, self.quantity * self.unit_price_cents)


@importer("reviews")
class Reviews(Importer):
    """Verdicts on what was bought. A decided one counts as decided when it was written; others are screened."""

    columns = (
        Column("review_id", values.identifier),
        Column("product_id", values.identifier),
        Column("customer_id", values.identifier),
        Column("order_id", values.identifier),
        Column("rating", values.whole(1, 5)),
        Column("created_at", values.moment),
        Column("title", values.text(200), required=False, default=""),
        Column("comment", values.text(10_000), required=False, default=""),
        Column("status", values.word(Review.Status.values), required=False, default=str(PENDING)),
    )
    key = ("review_id",)

    def look_up(self, rows: Sequence[Row]) -> None:
        products = {row["product_id"] for row in rows}
        self.products = set(Product.objects.filter(Among("pk", products)).values_list("pk", flat=True))
        self.customers = customer_accounts(row["customer_id"] for row in rows)
        self.purchases: dict[tuple[UUID, ...], list[Bought]] = defaultdict(list)
        items = OrderItem.objects.filter(Among("order", [row["order_id"] for row in rows]), Among("product", products))
        for row in items.values_list(*PURCHASE, *Bought._fields):
            self.purchases[row[: len(PURCHASE)]].append(Bought(*row[len(PURCHASE) :]))
        authors = [user for user, _ in self.customers.values()]
        live = Review.objects.live().filter(Among("product", products), Among("author", authors))
        self.live = {
            (product, author): review for product, author, review in live.values_list("product", "author", "pk")
        }
        self.pairs = {review: pair for pair, review in self.live.items()}
        own = Review.objects.filter(Among("pk", [row["review_id"] for row in rows]))
        self.withdrawn = set(own.exclude(deleted_at=None).values_list("pk", flat=True))

    def refusal(self, row: Row) -> Refusal | None:
        if row["product_id"] not in self.products:
            return Refusal(Reason.UNKNOWN_REFERENCE, "product_id")
        if row["customer_id"] not in self.customers:
            return Refusal(Reason.UNKNOWN_REFERENCE, "customer_id")
        if not self._items(row):
            return Refusal(Reason.UNKNOWN_REFERENCE, "order_id")
        return None

    def claim(self, row: Row) -> tuple[bytes, Refusal] | None:
        """The one live review of a product by a customer. One that its author has withdrawn claims nothing."""
        if row["review_id"] in self.withdrawn:
            return None
        pair = row["product_id"].bytes + row["customer_id"].bytes
        return pair, Refusal(Reason.DUPLICATE_REVIEW, "product_id")

    def rival(self, row: Row) -> bool:
        return self.live.get(self._pair(row), row["review_id"]) != row["review_id"]

    def accepted(self, row: Row, verdict: Verdict) -> None:
        """A review that moves to another product or author leaves its place to others."""
        if verdict is Verdict.UPDATED and row["review_id"] in self.pairs:
            del self.live[self.pairs[row["review_id"]]]
        if verdict in {Verdict.CREATED, Verdict.UPDATED}:
            self.live[self._pair(row)] = row["review_id"]
            self.pairs[row["review_id"]] = self._pair(row)

    def state(self, row: Row) -> State:
        item = self._item(row)
        return {
            "product_id": row["product_id"],
            "author_id": self.customers[row["customer_id"]][0],
            "order_item_id": item.pk,
            **{name: row[name] for name in CONTENT},
            "status": row["status"],
            "verification": str(Review.Verification.DELIVERED if item.was_delivered else Review.Verification.ORDERED),
            "created_at": row["created_at"],
            **UNTOUCHED,
        }

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        members = (*WRITTEN, *UNTOUCHED)
        reviews = Review.objects.filter(Among("pk", [review for (review,) in keys]))
        if lock:
            reviews = reviews.select_for_update(of=("self",), no_key=True).order_by("pk")
        return {
            (review,): Stored(dict(zip(members, state, strict=True)), digest)
            for review, digest, *state in reviews.values_list("pk", "import_digest", *members)
        }

    def lock(self, planned: Sequence[Planned]) -> None:
        """The items first, so that a refund and a review of one item take turns."""
        items = OrderItem.objects.filter(Among("pk", {plan.state["order_item_id"] for plan in planned}))
        locked = items.select_related("order").select_for_update(of=("self",), no_key=True).order_by("pk")
        self.snapshots = {item.pk: snapshot(item) for item in locked}

    def create(self, planned: Sequence[Planned]) -> None:
        ordered = sorted(planned, key=lambda plan: str(plan.row["review_id"]))
        insert_rows(Review, [self._review(plan) for plan in ordered])
        insert_rows(ReviewRevision, [{"id": uuid7(), "number": 1, **self._revision(plan)} for plan in ordered])

    def update(self, planned: Sequence[Planned]) -> None:
        """One after the other, as each may take the place that the one before has left."""
        for plan in planned:
            update_rows(Review, ["id"], [self._review(plan)])
        revisions = [{"number": 1, **self._revision(plan)} for plan in planned]
        update_rows(ReviewRevision, ["review_id", "number"], revisions)
        # What was found in the former text says nothing about this one.
        Screening.objects.filter(revision__review__in=[plan.row["review_id"] for plan in planned]).delete()

    def settle(self, planned: Sequence[Planned]) -> None:
        former = [plan.stored.state for plan in planned if plan.stored]
        states = [*former, *(plan.state for plan in planned)]
        follow_refunds({state["order_item_id"] for state in states})
        products = {state["product_id"] for state in states}
        recount_stars(products)
        note_told(products)  # history is no news
        refresh_trends(products)
        waiting = [plan.row["review_id"] for plan in planned if plan.state["status"] == PENDING]
        enqueue_keys(screen_review, sorted(waiting))
        decided = {state["author_id"] for state in states if state["status"] != PENDING}
        if decided:
            enqueue(recompute_reputations, users=sorted(decided))

    def _pair(self, row: Row) -> tuple[UUID, UUID]:
        return row["product_id"], self.customers[row["customer_id"]][0]

    def _items(self, row: Row) -> list[Bought]:
        _, customer = self.customers[row["customer_id"]]
        return self.purchases.get((customer, row["order_id"], row["product_id"]), [])

    def _item(self, row: Row) -> Bought:
        """The item that speaks best for the review: delivered, not refunded, the first by id."""
        return min(self._items(row), key=lambda item: (not item.was_delivered, item.is_refunded, item.pk))

    def _review(self, plan: Planned) -> dict[str, Any]:
        decided = plan.state["status"] != PENDING
        return {
            "id": plan.row["review_id"],
            **{name: plan.state[name] for name in WRITTEN},
            "purchase": self.snapshots[plan.state["order_item_id"]],
            "moderated_at": plan.state["created_at"] if decided else None,
            "import_digest": plan.digest,
        }

    def _revision(self, plan: Planned) -> dict[str, Any]:
        decided = plan.state["status"] != PENDING
        return {
            "review_id": plan.row["review_id"],
            **{name: plan.state[name] for name in CONTENT},
            "state": plan.state["status"],
            "created_at": plan.state["created_at"],
            "decided_at": plan.state["created_at"] if decided else None,
        }
