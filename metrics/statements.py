"""The statements that make whole days of vendors and of the platform from their facts, many keys at once.

Vendors' days are made in two modes, whose text differs in how the items are found and in
which rows there are already: so that one without any items left is found, too. All
parameters are arrays, or the definitions' own.

* ``VENDOR_DAYS``: some vendors' days, whatever rows they have: (vendor, day, currency).
* ``WHOLE_DAYS``: all vendors' of some days, read through at once.
"""

from collections.abc import Collection
from typing import NamedTuple

from metrics.definitions import (
    HOUR_OF_TICK,
    OF_DAYS,
    OF_VENDOR_DAYS,
    PRODUCT_NUMBERS,
    PRODUCT_SUMS,
    STAR_SUMS,
    STARS,
    SUMS,
    counted_reviews,
    facts,
    first_tick,
    listed,
    replaced,
    totals,
)
from metrics.models import Sums

NUMBERS = Sums.NUMBERS


def _row(key: str, source: str) -> str:
    """The members of a key, as a row of this table."""
    return f"({listed(key.split(', '), f'{source}.')})"


def _zeros(names: Collection[str]) -> str:
    return ", ".join("0" for _ in names)


def _or_zero(names: Collection[str]) -> str:
    return ", ".join(f"coalesce(sums.{name}, 0)" for name in names)


def _assigned(names: Collection[str]) -> str:
    return ", ".join(f"{name} = coalesce(sums.{name}, 0)" for name in names)


def _locked(table: str, key: str, given: str, numbers: Collection[str]) -> str:
    """Rows of zeros for what is missing, then the keys' rows locked in their order."""
    return f"""
        INSERT INTO {table} ({key}, {listed(numbers)})
        SELECT DISTINCT {key}, {_zeros(numbers)} FROM {given}
        WHERE NOT EXISTS (SELECT FROM {table} AS stored WHERE {_row(key, "stored")} = {_row(key, "given")})
        ORDER BY {key} ON CONFLICT DO NOTHING;

        SELECT FROM {table} AS stored JOIN {given} USING ({key}) ORDER BY {key} FOR NO KEY UPDATE OF stored;
    """


def _made(table: str, key: str, wanted: str) -> str:
    """Rows of ``sums``. A key that is wanted and has none needs no row, unless it has one: of zeros then."""
    return f"""
        INSERT INTO {table} ({key}, aggregated_at, {listed(NUMBERS)})
        SELECT {key}, statement_timestamp(), {_or_zero(NUMBERS)} FROM ({wanted}) AS wanted LEFT JOIN sums USING ({key})
        WHERE sums.placed_items IS NOT NULL
            OR EXISTS (SELECT FROM {table} AS stored WHERE {_row(key, "stored")} = {_row(key, "wanted")})
        ON CONFLICT ({key}) DO UPDATE SET aggregated_at = excluded.aggregated_at, {replaced(NUMBERS)}
    """


def _summed_up(table: str, key: str, given: str, parts: str) -> str:
    """Each row's parts are looked up by their index, however few or many the planner takes them for."""
    of_row = f"{_row(key, 'part')} = {_row(key, 'stored')}"
    return f"""
        UPDATE {table} AS stored SET (aggregated_at, {listed(NUMBERS)}) = (
            SELECT statement_timestamp(), {totals()} FROM {parts} AS part WHERE {of_row}
        )
        FROM (SELECT DISTINCT {key} FROM {given}) AS wanted WHERE {_row(key, "stored")} = {_row(key, "wanted")};
    """


VENDOR_DAY, PLATFORM_DAY = "vendor_id, day, currency", "day, currency"
VENDOR_DAY_ARRAYS = "unnest(%(vendors)s::uuid[], %(days)s::date[], %(currencies)s::text[])"
GIVEN_VENDOR_DAYS = f"{VENDOR_DAY_ARRAYS} AS given (vendor_id, day, currency)"
GIVEN_PLATFORM_TICKS = """
    unnest(%(days)s::date[], %(currencies)s::text[], %(ticks)s::int[]) AS given (day, currency, tick)
"""


# Of no other vendors' days than those that are given, and locked: facts may have come that are another run's.
WANTED = f"""
    SELECT {{key}} FROM (
        SELECT {{key}} FROM {{sums}} UNION SELECT {{key}} FROM {{table}} AS stored WHERE {{condition}}
    ) AS found JOIN {GIVEN_VENDOR_DAYS} USING ({VENDOR_DAY})
"""
OF_GIVEN_DAYS = f"(stored.vendor_id, stored.day, stored.currency) IN (SELECT * FROM {GIVEN_VENDOR_DAYS})"
OF_WHOLE_DAYS = "stored.day = ANY(%(whole_days)s::date[])"


class Mode(NamedTuple):
    """How the items of vendors' days are found, and the rows that there are of them."""

    facts: str
    stored: str


VENDOR_DAYS = Mode(
    facts(OF_VENDOR_DAYS.format(wanted=f"{VENDOR_DAY_ARRAYS} AS wanted (vendor_id, day, currency)")), OF_GIVEN_DAYS
)
WHOLE_DAYS = Mode(facts(OF_DAYS), OF_WHOLE_DAYS)


def vendor_days(mode: Mode) -> str:
    """Hours of vendors, products' parts of their days, and the days, which are sums of the hours."""
    hour, product = f"{VENDOR_DAY}, hour", f"{VENDOR_DAY}, product_id"
    hours = WANTED.format(key=hour, sums="sums", table="metrics_vendorslice", condition=mode.stored)
    products = WANTED.format(key=product, sums="sold", table="metrics_productdaily", condition=mode.stored)
    return (
        _locked("metrics_vendordaily", VENDOR_DAY, GIVEN_VENDOR_DAYS, NUMBERS)
        + f"""
            WITH facts AS MATERIALIZED ({mode.facts}),
            sums AS MATERIALIZED (
                SELECT {VENDOR_DAY}, {HOUR_OF_TICK} AS hour, {SUMS} FROM facts GROUP BY {VENDOR_DAY}, {HOUR_OF_TICK}
            ),
            made AS ({_made("metrics_vendorslice", hour, hours)}),
            sold AS MATERIALIZED (SELECT {product}, {PRODUCT_SUMS} FROM facts WHERE counts GROUP BY {product}),
            wanted AS MATERIALIZED ({products}),
            gone AS (
                DELETE FROM metrics_productdaily AS stored USING wanted LEFT JOIN sold USING ({product})
                WHERE sold.orders IS NULL AND {_row(product, "stored")} = {_row(product, "wanted")}
            )
            INSERT INTO metrics_productdaily AS stored ({product}, {listed(PRODUCT_NUMBERS)})
            SELECT {product}, {listed(PRODUCT_NUMBERS)} FROM sold JOIN wanted USING ({product})
            ON CONFLICT ({product}) DO UPDATE SET {replaced(PRODUCT_NUMBERS)}
            WHERE ({listed(PRODUCT_NUMBERS, "stored.")}) IS DISTINCT FROM ({listed(PRODUCT_NUMBERS, "excluded.")});
        """
        + _summed_up("metrics_vendordaily", VENDOR_DAY, GIVEN_VENDOR_DAYS, "metrics_vendorslice")
    )


def platform_days(scope: str) -> str:
    """Ticks of the platform; hours, which are sums of the ticks; and days, which are sums of the hours."""
    wanted = f"SELECT DISTINCT day, currency, tick FROM {GIVEN_PLATFORM_TICKS}"
    tick, hour = f"{PLATFORM_DAY}, tick", f"{PLATFORM_DAY}, hour"
    return (
        _locked("metrics_platformdaily", PLATFORM_DAY, GIVEN_PLATFORM_TICKS, NUMBERS)
        + f"""
            WITH sums AS MATERIALIZED (
                SELECT {tick}, {SUMS} FROM ({facts(scope.format(wanted=wanted))}) AS line GROUP BY {tick}
            )
            {_made("metrics_platformtick", tick, wanted)};

            INSERT INTO metrics_platformslice ({hour}, aggregated_at, {listed(NUMBERS)})
            SELECT {hour}, statement_timestamp(), {listed(NUMBERS, "sums.")}
            FROM (
                SELECT DISTINCT day, currency, {HOUR_OF_TICK} AS hour FROM {GIVEN_PLATFORM_TICKS}
            ) AS wanted CROSS JOIN LATERAL (
                SELECT count(*) AS ticks, {totals()} FROM metrics_platformtick AS part
                WHERE (part.day, part.currency) = (wanted.day, wanted.currency)
                    AND part.tick >= {first_tick("wanted.hour")} AND part.tick < {first_tick("(wanted.hour + 1)")}
            ) AS sums
            WHERE sums.ticks > 0 OR EXISTS (
                SELECT FROM metrics_platformslice AS stored
                WHERE (stored.day, stored.currency, stored.hour) = (wanted.day, wanted.currency, wanted.hour)
            )
            ON CONFLICT ({hour}) DO UPDATE SET aggregated_at = excluded.aggregated_at, {replaced(NUMBERS)};
        """
        + _summed_up("metrics_platformdaily", PLATFORM_DAY, GIVEN_PLATFORM_TICKS, "metrics_platformslice")
    )


def rating_days() -> str:
    """Stars of vendors' days, from the counted reviews.

    A calendar day is less than a day away from what the clock of any other zone calls so:
    the range is for the index.
    """
    given = "unnest(%(vendors)s::uuid[], %(days)s::date[]) AS given (vendor_id, day)"
    return (
        _locked("metrics_vendorratingdaily", "vendor_id, day", given, STARS)
        + f"""
        WITH wanted AS (SELECT * FROM {given}),
        counted AS NOT MATERIALIZED ({counted_reviews()}),
        sums AS (
            SELECT wanted.vendor_id, wanted.day, {STAR_SUMS}
            FROM wanted JOIN counted AS review ON review.vendor_id = wanted.vendor_id
                AND review.created_at >= wanted.day::timestamp AT TIME ZONE 'UTC' - interval '1 day'
                AND review.created_at < wanted.day::timestamp AT TIME ZONE 'UTC' + interval '2 days'
                AND review.day = wanted.day
            GROUP BY wanted.vendor_id, wanted.day
        )
        UPDATE metrics_vendorratingdaily AS stored
        SET {_assigned(STARS)}, aggregated_at = statement_timestamp()
        FROM wanted LEFT JOIN sums USING (vendor_id, day)
        WHERE (stored.vendor_id, stored.day) = (wanted.vendor_id, wanted.day);
    """
    )
