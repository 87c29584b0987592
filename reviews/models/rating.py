from django.db import models
from django.db.models import Q

from orders.models import Product
from reviews.expressions import StarAverage, StarCount, StarDeviation, StarSortScore


class ProductRating(models.Model):
    """Five counters of a product's counted reviews. All the rest is generated, and cannot drift from them."""

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="rating")
    stars_1 = models.PositiveIntegerField(default=0)
    stars_2 = models.PositiveIntegerField(default=0)
    stars_3 = models.PositiveIntegerField(default=0)
    stars_4 = models.PositiveIntegerField(default=0)
    stars_5 = models.PositiveIntegerField(default=0)
    count = models.GeneratedField(expression=StarCount(), output_field=models.IntegerField(), db_persist=True)
    average = models.GeneratedField(
        expression=StarAverage(),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )
    stddev = models.GeneratedField(
        expression=StarDeviation(),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )
    sort_score = models.GeneratedField(expression=StarSortScore(), output_field=models.FloatField(), db_persist=True)

    # What ``reviews.rating_changed`` last told; many small changes add up against it.
    told_count = models.PositiveIntegerField(db_default=0, editable=False)
    told_average = models.FloatField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    stars_1__gte=0,
                    stars_2__gte=0,
                    stars_3__gte=0,
                    stars_4__gte=0,
                    stars_5__gte=0,
                ),
                name="rating_stars_not_negative",
            )
        ]
        indexes = [models.Index(fields=["-sort_score", "-product"], name="rating_sort_score")]

    def __str__(self) -> str:
        return f"{self.average:.2f} of {self.count}" if self.count else "no ratings"


class ProductTrend(models.Model):
    """How much a product has been bought and reviewed lately. Derived; see ``reviews.trends``.

    ``score`` is a logarithm that stays right while time passes, so that rows of products
    at rest never need to be written.
    """

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="trend")
    score = models.FloatField()
    computed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["-score", "-product"], name="trend_score")]

    def __str__(self) -> str:
        return f"trend {self.score:.2f}"
