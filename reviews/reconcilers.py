"""What reviews derive, against its facts."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import OrderItem, Product
from reviews import derivations, reputation
from reviews.jobs import fold_votes, mark_purchases_refunded, recompute_reputation, recompute_reputations
from reviews.models import ProductRating, Reputation, Review, ReviewRevision, ReviewVote, Strike
from reviews.ratings import counted_stars, tell_changes
from trustengine.accounts.models import User
from trustengine.bulk import Among
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.jobs.runner import lock_key
from trustengine.jobs.services import publish
from trustengine.operations.registry import Drift, Reconciler, Values, reconciler

COMPARE_VOTES = """
    WITH facts AS (
        SELECT review_id, shard, count(*) FILTER (WHERE helpful AND counts) AS helpful,
            count(*) FILTER (WHERE NOT helpful AND counts) AS unhelpful
        FROM reviews_reviewvote WHERE review_id = ANY(%(reviews)s) GROUP BY review_id, shard
    ), stored AS (
        SELECT review_id, shard, helpful, unhelpful FROM reviews_reviewvoteshard WHERE review_id = ANY(%(reviews)s)
    ), compared AS (
        SELECT review_id, coalesce(sum(facts.helpful), 0) AS helpful, coalesce(sum(facts.unhelpful), 0) AS unhelpful,
            array_agg(shard ORDER BY shard) FILTER (WHERE
                (coalesce(facts.helpful, 0), coalesce(facts.unhelpful, 0))
                <> (coalesce(stored.helpful, 0), coalesce(stored.unhelpful, 0))
            ) AS wrong_shards
        FROM facts FULL JOIN stored USING (review_id, shard) GROUP BY review_id
    )
    SELECT review.id, coalesce(compared.helpful, 0)::int, coalesce(compared.unhelpful, 0)::int,
        review.helpful_votes, review.unhelpful_votes, coalesce(wrong_shards, '{}')
    FROM reviews_review AS review LEFT JOIN compared ON compared.review_id = review.id
    WHERE review.id = ANY(%(reviews)s) AND (
        wrong_shards IS NOT NULL OR (coalesce(compared.helpful, 0), coalesce(compared.unhelpful, 0))
            <> (review.helpful_votes, review.unhelpful_votes)
    )
    ORDER BY review.id
"""


@reconciler("votes")
class VoteCounts(Reconciler):
    """Review.helpful_votes and unhelpful_votes, and the shards between, against the votes themselves."""

    about = "reviews.review"
    job = fold_votes

    def rows(self) -> QuerySet[Review]:
        return Review.objects.all()

    def changed(self, since: datetime) -> QuerySet[Review]:
        voted = ReviewVote.objects.filter(review_id=OuterRef("pk"), updated_at__gte=since)
        return Review.objects.filter(Q(updated_at__gte=since) | Exists(voted))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE_VOTES, {"reviews": list(ids)})
            rows = cursor.fetchall()
        for review, helpful, unhelpful, found_helpful, found_unhelpful, wrong_shards in rows:
            yield Drift(
                review,
                expected={"helpful_votes": helpful, "unhelpful_votes": unhelpful, "wrong_shards": []},
                found={
                    "helpful_votes": found_helpful,
                    "unhelpful_votes": found_unhelpful,
                    "wrong_shards": wrong_shards,
                },
            )

    def lock(self, key: UUID) -> None:
        """Take turns with folds, then lock the review, then its shards: votes cast meanwhile wait for theirs."""
        lock_key(fold_votes, str(key))
        list(Review.objects.select_for_update(of=("self",), no_key=True).filter(pk=key).values_list("pk"))
        derivations.lock_shards([key])

    def repair(self, drift: Drift) -> None:
        derivations.recount_shards([drift.key])
        derivations.fold([drift.key])


@reconciler("ratings")
class StarCounters(Reconciler):
    """ProductRating's five counters against the counted reviews, and these reviews' marks against refunds."""

    about = "orders.product"

    def rows(self) -> QuerySet[Product]:
        return Product.objects.all()

    def changed(self, since: datetime) -> QuerySet[Product]:
        reviewed = Review.objects.filter(product=OuterRef("pk"))
        recent = Q(updated_at__gte=since) | Q(order_item__updated_at__gte=since)
        return Product.objects.filter(Exists(reviewed.filter(recent)))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        counted = counted_stars(Review.objects.filter(Among("product", ids)))
        expected = {row.pop("product_id"): row for row in counted}
        stored = ProductRating.objects.filter(Among("product", ids)).values("product_id", *derivations.COUNTERS)
        found = {row.pop("product_id"): row for row in stored}
        none: Values = dict.fromkeys(derivations.COUNTERS, 0)
        wrong = derivations.wrong_refund_marks(ids)
        for product in sorted(expected.keys() | found.keys() | wrong.keys()):
            stars = expected.get(product, none), found.get(product, none)
            if product in wrong:
                items = [str(item) for item in wrong[product]]
                yield Drift(product, stars[0] | {"wrong_refund_marks": []}, stars[1] | {"wrong_refund_marks": items})
            elif stars[0] != stars[1]:
                yield Drift(product, *stars)

    def pending(self, ids: Sequence[UUID]) -> set[UUID]:
        """Also products of which a job is to follow refunds."""
        waiting = Job.objects.filter(
            kind=handler_of(mark_purchases_refunded).kind, state__in=[Job.State.READY, Job.State.RUNNING]
        )
        items = {item for args in waiting.values_list("args", flat=True) for item in args["item_ids"]}
        concerned = OrderItem.objects.filter(Among("pk", sorted(map(UUID, items)))) if items else None
        found = set(concerned.values_list("product", flat=True)) if concerned is not None else set()
        return super().pending(ids) | (found & set(ids))

    def lock(self, key: UUID) -> None:
        reviews = Review.objects.filter(product=key, order_item__in=derivations.wrong_refund_marks([key]).get(key, []))
        list(reviews.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
        derivations.lock_ratings([key])

    def repair(self, drift: Drift) -> None:
        derivations.follow_refunds(map(UUID, drift.found.get("wrong_refund_marks", [])))
        derivations.recount_stars([drift.key])
        publish("reviews.counted_changed", review_id=None, product_id=drift.key)
        tell_changes([drift.key])


@reconciler("reputation")
class AuthorReputation(Reconciler):
    """Reputation rows against what is known of their users, by the time at which they were computed."""

    about = "accounts.user"
    job = recompute_reputation

    def rows(self) -> QuerySet[User]:
        facts = (Review.objects.filter(author=OuterRef("pk")), Strike.objects.filter(user=OuterRef("pk")))
        return User.objects.filter(
            Exists(facts[0]) | Exists(facts[1]) | Exists(Reputation.objects.filter(user=OuterRef("pk")))
        )

    def changed(self, since: datetime) -> QuerySet[User]:
        decided = ReviewRevision.objects.filter(review__author=OuterRef("pk"))
        recent = decided.filter(Q(decided_at__gte=since) | Q(review__updated_at__gte=since))
        computed = Reputation.objects.filter(user=OuterRef("pk"), computed_at__gte=since)
        return User.objects.filter(Exists(recent) | Exists(computed))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        members = list(asdict(reputation.Standing()))
        stored = Reputation.objects.filter(Among("user", ids)).values("user_id", "computed_at", *members)
        found: dict[UUID, dict[str, Any]] = {row.pop("user_id"): row for row in stored}
        moments = {user: row.pop("computed_at") for user, row in found.items()}
        expected = {user: asdict(standing) for user, standing in reputation.derive(ids, at=moments).items()}
        for user in sorted(expected.keys() | found.keys()):
            if expected.get(user) != found.get(user):
                yield Drift(user, expected.get(user, {}), found.get(user, {}))

    def pending(self, ids: Sequence[UUID]) -> set[UUID]:
        """Beside those with a job of their own, those in a job for many."""
        bulk = handler_of(recompute_reputations).kind
        waiting = Job.objects.filter(
            kind=bulk, state__in=[Job.State.READY, Job.State.RUNNING], args__users__has_any_keys=list(map(str, ids))
        )
        listed = {UUID(user) for args in waiting.values_list("args", flat=True) for user in args["users"]}
        return super().pending(ids) | (listed & set(ids))

    def lock(self, key: UUID) -> None:
        lock_key(recompute_reputation, str(key))

    def repair(self, drift: Drift) -> None:
        reputation.recompute(drift.key)
