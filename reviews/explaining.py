"""Why a product's rating is what it is: what is counted, what is not, and numbers to recompute it from."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, CharField, Count, Q, Value, When

from reviews.models import ProductRating, Review
from reviews.ratings import STARS, display_score
from trustengine.accounts.models import User

APPROVED = Q(status=Review.Status.APPROVED)
# In this order: a review is told under the first that is true of it. Its author's withdrawal leaves nothing to tell.
REASONS = {
    "restricted": Q(restricted_at__isnull=False),
    "pending": Q(status=Review.Status.PENDING),
    "rejected": Q(status=Review.Status.REJECTED),
    "removed": Q(removed_at__isnull=False),
    "hidden": Q(is_hidden=True),
    "refunded": Q(purchase_refunded_at__isnull=False),
    "quarantined": Q(quarantined_at__isnull=False),
}
MEANINGS = {
    "restricted": "Shown to nobody but their authors and moderators.",
    "pending": "Waiting for a decision.",
    "rejected": "Refused by a decision.",
    "removed": "Taken down.",
    "hidden": "Taken out of view by a decision.",
    "refunded": "Readable, but the purchase was refunded.",
    "quarantined": "Readable, but part of a burst that is being looked into.",
}
SECRET = {"restricted"}


def explanation(product_id: UUID, rating: ProductRating, *, viewer: User | None) -> dict[str, Any]:
    """Each live review of a product once: counted, or not and why; and the formulas with their values.

    How many are not counted is told to moderators alone: to anyone else it would say what is
    hidden, waits or is quarantined. What is restricted does not exist for anyone else.
    """
    reason = Case(
        *(When(condition, then=Value(name)) for name, condition in REASONS.items()),
        default=Value("counted"),
        output_field=CharField(),
    )
    reviews = Review.objects.live().filter(product=product_id).order_by()
    found = dict(reviews.annotate(reason=reason).values_list("reason").annotate(Count("pk")))
    may_know = viewer is not None and viewer.has_perm("reviews.moderate_review")
    shown = [name for name in REASONS if may_know or name not in SECRET]
    return {
        "counted": found.get("counted", 0),
        "not_counted": [
            {"reason": name, "reviews": found.get(name, 0) if may_know else None, "meaning": MEANINGS[name]}
            for name in shown
        ],
        **formulas(rating),
    }


def formulas(rating: ProductRating) -> dict[str, Any]:
    """What the numbers of a rating follow from, for anyone to compute them again."""
    total = sum(star * getattr(rating, f"stars_{star}") for star in STARS)
    squares = sum(star * star * getattr(rating, f"stars_{star}") for star in STARS)
    values = {
        "n": float(rating.count),
        "total": float(total),
        "squares": float(squares),
        "m": settings.RATING_PRIOR_MEAN,
        "C": settings.RATING_PRIOR_WEIGHT,
        "z": 1.96,
    }
    steps = [
        ("average", "total / n", rating.average),
        ("stddev", "sqrt(squares / n - (total / n)^2)", rating.stddev),
        ("display_score", "(C * m + total) / (C + n)", display_score(rating)),
        (
            "sort_score",
            "M - z * sqrt((S - M^2) / (n + 6)) where M = (total + 15) / (n + 5) and S = (squares + 55) / (n + 5)",
            rating.sort_score,
        ),
    ]
    return {
        "values": values,
        "formulas": [{"name": name, "formula": formula, "value": value} for name, formula, value in steps],
    }
