from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import Product
from reviews import derivations, reputation
from reviews.models import ProductRating, Review, ReviewRevision
from reviews.ratings import tell_changes
from reviews.reconcilers import AuthorReputation, StarCounters
from trustengine.accounts.models import User
from trustengine.jobs.services import publish
from trustengine.operations.backfilling import Days, Rederivation, backfill
from trustengine.operations.registry import Drift


@backfill("ratings")
class Ratings(Rederivation):
    """ProductRating's five counters, anew from the counted reviews, of products reviewed on these days."""

    about = "orders.product"
    reconciler = StarCounters

    def rows(self, days: Days) -> QuerySet[Product]:
        reviewed = Exists(Review.objects.filter(product=OuterRef("pk"), **days.within("created_at__date")))
        rated = Exists(ProductRating.objects.filter(product=OuterRef("pk")))
        return Product.objects.filter(reviewed if days else reviewed | rated)

    def lock(self, keys: Sequence[UUID]) -> None:
        derivations.lock_ratings(keys)

    def write(self, drifts: Sequence[Drift]) -> None:
        derivations.recount_stars([drift.key for drift in drifts])
        for drift in drifts:
            publish("reviews.counted_changed", review_id=None, product_id=drift.key)
        tell_changes([drift.key for drift in drifts])


@backfill("reputation")
class Reputations(Rederivation):
    """Reputation rows, anew from what is known, of authors about whom was decided on these days."""

    about = "accounts.user"
    reconciler = AuthorReputation

    def rows(self, days: Days) -> QuerySet[User]:
        if not days:
            return AuthorReputation().rows()
        decided = Q(review__author=OuterRef("pk"), **days.within("decided_at__date"))
        return User.objects.filter(Exists(ReviewRevision.objects.filter(decided)))

    def lock(self, keys: Sequence[UUID]) -> None:
        reputation.lock(sorted(keys))

    def write(self, drifts: Sequence[Drift]) -> None:
        reputation.recompute(*(drift.key for drift in drifts))
