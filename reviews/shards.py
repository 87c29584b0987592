"""How evenly a review's votes lie in its shards."""

from django.db import connection

from reviews.models.vote import SHARDS

UNEVEN_FROM = 2.0  # chi-square per degree of freedom: around 1 the shards fill as chance has it
EXPECTED_AT_LEAST = 5  # votes in a shard, below which chi-square says nothing (Cochran 1954)
MOST_REVIEWS = 1_000

# Missing shards count as empty: the sum of squared differences is that of squares less the square of the sum.
COUNT_UNEVEN = """
    WITH lately AS (
        SELECT review_id FROM reviews_reviewheat ORDER BY votes_per_second DESC, review_id LIMIT %(most)s
    ), filled AS (
        SELECT review_id, sum(helpful + unhelpful)::float8 AS votes, sum((helpful + unhelpful)::float8 ^ 2) AS squares
        FROM reviews_reviewvoteshard WHERE review_id IN (SELECT review_id FROM lately) GROUP BY review_id
    )
    SELECT count(*) FROM filled
    WHERE votes >= %(expected)s * %(shards)s
        AND (squares * %(shards)s / votes - votes) / (%(shards)s - 1) >= %(uneven)s
"""


def count_uneven() -> int:
    """How many of the reviews that were voted on in the last hours have shards that something favours."""
    limits = {"most": MOST_REVIEWS, "expected": EXPECTED_AT_LEAST, "shards": SHARDS, "uneven": UNEVEN_FROM}
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UNEVEN, limits)
        return int(cursor.fetchone()[0])
