"""The database's clock, by which everything is judged that moves money, opens, closes or expires.

The clock of a process may be wrong by days, and then two processes would decide
differently about one row. The database's clock is one for all of them. It is read at most
every few seconds, and carried on in between by this machine's monotonic clock, which
nobody sets: so a reading costs no statement, and models, rows of a list and loops may ask.
Statements may say ``Now()`` instead.
"""

import time
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import Error, connection
from django.utils import timezone
from psycopg.pq import TransactionStatus

READ_AGAIN_SECONDS = 10.0
# Goes on while the machine sleeps, where the system has such a clock.
STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
CAN_READ = (TransactionStatus.IDLE, TransactionStatus.INTRANS)


class Reading(NamedTuple):
    """The database's time, and when on the steady clock it was read."""

    moment: datetime
    steady: float


_last: Reading | None = None


def database_now() -> datetime:
    """The present time by the database's clock, late by a round trip at most and never early.

    Raises DatabaseError if this process has never read that clock and cannot now.
    """
    return _carried_on()


def database_today() -> date:
    """The marketplace's calendar day by the database's clock."""
    return timezone.localdate(database_now())


def _carried_on() -> datetime:
    global _last  # noqa: PLW0603 - one clock for all threads; whichever reads it last is right
    last = _last
    if last is None or not 0 <= _steady() - last.steady < READ_AGAIN_SECONDS:
        last = _last = _read(last)
    return last.moment + timedelta(seconds=_steady() - last.steady)


def _read(last: Reading | None) -> Reading:
    """Read the clock, or keep to the last reading where that is impossible.

    Past Django's cursor: it is no statement of the caller's, and nothing counts or wraps it.
    """
    try:
        connection.ensure_connection()
        database = connection.connection
        if last is not None and database.info.transaction_status not in CAN_READ:
            return last  # amid a COPY, or in a transaction that has failed
        with connection.wrap_database_errors:
            moment = database.execute("SELECT clock_timestamp()").fetchone()[0]
    except Error:
        if last is None:
            raise
        return last
    return Reading(moment.astimezone(UTC), _steady())


def _steady() -> float:
    return time.clock_gettime(STEADY_CLOCK)
