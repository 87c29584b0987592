"""The function in the database that follows orders, key by key.

Sent as text, its statements took PostgreSQL longer to parse and to plan than to run; here
their plans are made once for any key (``force_generic_plan``): few rows, each found by its
index. An aggregate without GROUP BY makes of a key without any items a row of zeros.

What a number means stands in ``metrics.definitions``, also for this text.
"""

from collections.abc import Sequence

from metrics.definitions import (
    HOUR_OF_TICK,
    PRODUCT_NUMBERS,
    PRODUCT_SUMS,
    SUMS,
    facts,
    first_tick,
    listed,
    replaced,
    totals,
)
from metrics.models import Sums
from trustengine.stored_functions import StoredFunction

NUMBERS = Sums.NUMBERS

ITS_ORDER = """
    CROSS JOIN LATERAL (
        SELECT currency, status, placed_at FROM orders_order
        WHERE id = item.order_id AND currency = _key.currency OFFSET 0
    ) AS purchase
"""
OF_VENDOR = "vendor_id = _key.vendor_id AND day = _key.day"
IN_HOUR = "tick >= " + first_tick("_key.hour") + " AND tick < " + first_tick("(_key.hour + 1)")
OF_HOUR = f"""
    (
        SELECT * FROM orders_orderitem
        WHERE {OF_VENDOR} AND {IN_HOUR} OFFSET 0
    ) AS item {ITS_ORDER}
"""
OF_PRODUCT = f"""
    (SELECT * FROM orders_orderitem WHERE {OF_VENDOR} AND product_id = _key.product_id OFFSET 0) AS item {ITS_ORDER}
"""
OF_TICK = """
    (
        SELECT id, currency, status, placed_at FROM orders_order
        WHERE day = _key.day AND tick = _key.tick AND currency = _key.currency OFFSET 0
    ) AS purchase CROSS JOIN LATERAL (SELECT * FROM orders_orderitem WHERE order_id = purchase.id OFFSET 0) AS item
"""
TICKS = "unnest(_vendors, _days, _currencies, _ticks) AS given (vendor_id, day, currency, tick)"
VENDOR_DAY = ("vendor_id", "day", "currency")
HOUR_OF_VENDOR, PRODUCT = (*VENDOR_DAY, "hour"), (*VENDOR_DAY, "product_id")
PLATFORM_DAY = ("day", "currency")
TICK, HOUR = (*PLATFORM_DAY, "tick"), (*PLATFORM_DAY, "hour")


def _is(key: Sequence[str]) -> str:
    return " AND ".join(f"{name} = _key.{name}" for name in key)


def _each(key: Sequence[str], found: str, *steps: str) -> str:
    """The steps for each of these keys, in their order."""
    return f"""
        FOR _key IN SELECT DISTINCT {found} ORDER BY {", ".join(str(n + 1) for n in range(len(key)))} LOOP
            {" ".join(steps)}
        END LOOP;
    """


def _there(table: str, key: Sequence[str]) -> str:
    """Rows of zeros for all that is missing of the given keys, before any of them is locked: as ``statements`` does it.

    Whoever locked first and inserted then would wait for who does the reverse, and be waited for.
    """
    missing = f"""
        FROM {TICKS} WHERE NOT EXISTS (
            SELECT FROM {table} AS stored WHERE {" AND ".join(f"stored.{name} = given.{name}" for name in key)}
        )
    """
    return f"""
        IF EXISTS (SELECT {missing}) THEN
            INSERT INTO {table} ({listed(key)}, {listed(NUMBERS)})
            SELECT DISTINCT {listed(key)}, {listed(["0"] * len(NUMBERS))} {missing}
            ORDER BY {listed(key)} ON CONFLICT DO NOTHING;
        END IF;
    """


def _locked(table: str, key: Sequence[str]) -> str:
    return f"PERFORM FROM {table} WHERE {_is(key)} FOR NO KEY UPDATE;"


def _made(table: str, key: Sequence[str], sums: str, source: str) -> str:
    """A key's row from the lines or rows that it is the sum of."""
    return f"""
        INSERT INTO {table} ({listed(key)}, aggregated_at, {listed(NUMBERS)})
        SELECT {listed(key, "_key.")}, statement_timestamp(), {sums} FROM {source}
        ON CONFLICT ({listed(key)}) DO UPDATE SET aggregated_at = excluded.aggregated_at, {replaced(NUMBERS)};
    """


def _summed_up(table: str, key: Sequence[str], parts: str) -> str:
    return f"""
        UPDATE {table} SET (aggregated_at, {listed(NUMBERS)}) = (
            SELECT statement_timestamp(), {totals()} FROM {parts} WHERE {_is(key)}
        ) WHERE {_is(key)};
    """


SOLD = f"""
    INSERT INTO metrics_productdaily ({listed(PRODUCT)}, {listed(PRODUCT_NUMBERS)})
    SELECT {listed(PRODUCT, "_key.")}, {PRODUCT_SUMS} FROM ({facts(OF_PRODUCT)}) AS line
    WHERE counts HAVING count(*) > 0
    ON CONFLICT ({listed(PRODUCT)}) DO UPDATE SET {replaced(PRODUCT_NUMBERS)};
    IF NOT FOUND THEN
        DELETE FROM metrics_productdaily WHERE {_is(PRODUCT)};
    END IF;
"""
STEPS = (
    _there("metrics_vendordaily", VENDOR_DAY),
    _each(
        HOUR_OF_VENDOR,
        f"{listed(VENDOR_DAY)}, {HOUR_OF_TICK} AS hour FROM {TICKS}",
        _locked("metrics_vendordaily", VENDOR_DAY),
        _made("metrics_vendorslice", HOUR_OF_VENDOR, SUMS, f"({facts(OF_HOUR)}) AS line"),
        _summed_up("metrics_vendordaily", VENDOR_DAY, "metrics_vendorslice"),
    ),
    _each(
        PRODUCT,
        f"""given.vendor_id, given.day, given.currency, item.product_id
            FROM {TICKS} JOIN orders_orderitem AS item USING (vendor_id, day, tick)""",
        SOLD,
    ),
    _there("metrics_platformdaily", PLATFORM_DAY),
    _each(
        TICK,
        f"{listed(TICK)} FROM {TICKS}",
        _locked("metrics_platformdaily", PLATFORM_DAY),
        _made("metrics_platformtick", TICK, SUMS, f"({facts(OF_TICK)}) AS line"),
    ),
    _each(
        HOUR,
        f"{listed(PLATFORM_DAY)}, {HOUR_OF_TICK} AS hour FROM {TICKS}",
        _made("metrics_platformslice", HOUR, totals(), f"metrics_platformtick WHERE {_is(PLATFORM_DAY)} AND {IN_HOUR}"),
        _summed_up("metrics_platformdaily", PLATFORM_DAY, "metrics_platformslice"),
    ),
)


BODY = "\n".join(" ".join(step.split()) for step in STEPS).replace("%(default_bps)s", "_default_bps").replace("%%", "%")
FOLLOW = StoredFunction(
    "metrics_follow",
    "text[], integer",
    f"""
CREATE OR REPLACE FUNCTION metrics_follow(_keys text[], _default_bps integer) RETURNS void LANGUAGE plpgsql STRICT
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    _key record; _vendors uuid[]; _days date[]; _currencies text[]; _ticks integer[];
BEGIN
    SELECT array_agg(split_part(key, ':', 1)), array_agg(split_part(key, ':', 2)),
        array_agg(split_part(key, ':', 3)), array_agg(split_part(key, ':', 4))
    INTO _vendors, _days, _currencies, _ticks FROM unnest(_keys) AS key;
{BODY}
END
$$;
""",
)
