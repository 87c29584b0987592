"""What follows from counters alone, as SQL for generated columns.

Each is a class of its own rather than a composed expression, because a composition of
five columns serialises to kilobytes of migration. Changing one needs a migration by
hand: makemigrations sees only the name. Tests pin the values.
"""

from typing import Any

from django.db.models import FloatField, Func, IntegerField

STARS = range(1, 6)
Z_95 = 1.96  # two-sided 95 % of the normal distribution


class _ColumnSQL(Func):
    """A constant piece of SQL over columns of its own row."""

    sql: str

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return self.sql, []


def _sum(term: str) -> str:
    return "(" + " + ".join(term.format(k=k) for k in STARS) + ")"


COUNT = _sum("stars_{k}")
TOTAL = _sum("{k} * stars_{k}")
SQUARES = _sum("{k} * {k} * stars_{k}")


class StarCount(_ColumnSQL):
    """n: how many reviews are counted."""

    sql = COUNT
    output_field = IntegerField()


class StarAverage(_ColumnSQL):
    """The plain mean of the stars; NULL where there are none."""

    sql = f"({TOTAL}::float8 / NULLIF({COUNT}, 0))"
    output_field = FloatField()


class StarDeviation(_ColumnSQL):
    """The population standard deviation of the stars; NULL where there are none."""

    sql = f"(sqrt(GREATEST(0, {SQUARES}::float8 * {COUNT} - {TOTAL}::float8 * {TOTAL})) / NULLIF({COUNT}, 0))"
    output_field = FloatField()


class StarSortScore(_ColumnSQL):
    """Lower 95 % bound of the mean under a uniform prior, for ranking products.

    Evan Miller, “Ranking Items With Star Ratings”: with p_k = (n_k + 1) / (n + 5),
    Σ k·p_k − 1.96·√((Σ k²·p_k − (Σ k·p_k)²) / (n + 6)).
    """

    _mean = f"(({TOTAL} + 15)::float8 / ({COUNT} + 5))"
    _second = f"(({SQUARES} + 55)::float8 / ({COUNT} + 5))"
    sql = f"({_mean} - {Z_95} * sqrt(({_second} - {_mean} * {_mean}) / ({COUNT} + 6)))"
    output_field = FloatField()


class HelpfulnessBound(_ColumnSQL):
    """Lower 95 % bound of helpful / (helpful + unhelpful): the Wilson score interval. 0 without votes.

    E. B. Wilson, “Probable inference, the law of succession, and statistical inference”, 1927.
    """

    _n = "(helpful_votes + unhelpful_votes)::float8"
    _z2 = Z_95 * Z_95
    sql = (
        f"(CASE WHEN helpful_votes + unhelpful_votes = 0 THEN 0 ELSE "
        f"(helpful_votes / {_n} + {_z2} / (2 * {_n}) - {Z_95} * sqrt("
        f"(helpful_votes * unhelpful_votes / {_n} + {_z2} / 4) / {_n} / {_n})) / (1 + {_z2} / {_n}) END)"
    )
    output_field = FloatField()
