"""A second wall around rows of money and usage: PostgreSQL keeps a caller from rows of profiles that are not theirs.

The first wall is a queryset that starts from whoever calls. This one stands where that is
forgotten: on a walled table, a statement outside of both blocks below sees nothing and
writes nothing, also when it comes from the tables' owner.

* ``seen_by(user)``: the rows of profiles that this user is a member of, to read.
* ``every_row(reason)``: all rows, to read and to write, for jobs, services and staff.
  This is the one door; each reason is named here, and counted.

Both name the caller inside the transaction only (``SET LOCAL``), so nothing is left on a
connection that PgBouncer hands to somebody else. Roles that may bypass row security
(superusers) see everything always: a check warns of them. COPY FROM is refused by
PostgreSQL on such tables: insert by statements.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.migrations.operations import RunSQL
from prometheus_client import Counter

CALLER = "trustengine.caller"
EVERY_ROW = "trustengine.every_row"


class Reason(StrEnum):
    """Why code looks past the wall. Who adds one says here what for."""

    METERING = "metering"  # usage is counted for whoever caused it, by services and jobs
    LEDGER = "ledger"  # bookings follow orders, and touch the platform's own accounts
    PAYOUTS = "payouts"  # batches hold many vendors
    STATEMENTS = (
        "statements"  # the platform's fees stand on its own accounts: those on a vendor's items, for that vendor
    )
    PLANS = "plans"  # subscriptions are begun and changed by staff and by rules
    CONSOLE = "console"  # staff's pages, behind Django's permissions
    RECONCILING = "reconciling"  # facts against what is derived from them, of all profiles
    PEOPLE = "people"  # exporting and erasing what is held about a person
    MONITORING = "monitoring"  # gauges
    DEMO = "demo"  # made-up rows and benchmarks
    TEST = "test"


OPT_OUTS = Counter("trustengine_row_security_opt_outs", "Blocks of code that see every profile's rows.", ["reason"])


class Caller(Protocol):
    @property
    def pk(self) -> Any: ...


@contextmanager
def seen_by(user: Caller) -> Iterator[None]:
    """Until the block ends, see the rows of this user's profiles only, and write none. A transaction of its own.

    Evaluate querysets inside the block.
    """
    with _named(caller=str(user.pk or ""), every_row=""):
        yield


@contextmanager
def every_row(reason: Reason) -> Iterator[None]:
    """Until the block ends, see and write rows of every profile. A transaction of its own; blocks nest."""
    OPT_OUTS.labels(Reason(reason).value).inc()
    with _named(caller="", every_row="on"):
        yield


@contextmanager
def _named(*, caller: str, every_row: str) -> Iterator[None]:
    wanted = (caller, every_row)
    with transaction.atomic():
        # A rollback takes the settings back together with the rest, so only a block that ends well restores them.
        # Outside of any block they are empty: they were only ever set inside a transaction.
        before = getattr(connection, "_row_security", ("", ""))
        if before != wanted:
            _set(wanted)
        connection._row_security = wanted  # type: ignore[attr-defined]
        try:
            yield
        finally:
            connection._row_security = before  # type: ignore[attr-defined]
        if before != wanted:
            _set(before)


def _set(named: tuple[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(%s, %s, true), set_config(%s, %s, true)", [CALLER, named[0], EVERY_ROW, named[1]]
        )


class Wall(RunSQL):
    """A migration's operation: put the wall around a table. Known by its class to whoever proves that it stands."""

    def __init__(self, table: str, *, settings: Sequence[str], policies: Sequence[str], reverse: Sequence[str]) -> None:
        super().__init__([*settings, *policies], [*reverse])
        self.table = table
        self.policies = [*policies]


def wall(table: str, *, profile: str = "", through: str = "") -> Wall:
    """For a migration: put the wall around a table, forced also for its owner.

    ``profile`` is the column that says whose a row is. Rows that belong to nobody in
    particular are seen ``through`` a condition instead, in SQL; with neither of both, by
    ``every_row`` alone. Writing takes ``every_row`` always.
    """
    past_the_wall = f"(SELECT current_setting('{EVERY_ROW}', true) = 'on')"
    mine = (
        f"{profile} IN (SELECT profile_id FROM accounts_membership"
        f" WHERE user_id = NULLIF(current_setting('{CALLER}', true), '')::uuid)"
    )
    # First whether there is a caller at all: without, what follows is not evaluated for every row.
    seen = f"(SELECT current_setting('{CALLER}', true) <> '') AND ({mine if profile else through or 'false'})"
    return Wall(
        table,
        settings=[
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        ],
        policies=[
            f"CREATE POLICY past_the_wall ON {table} USING ({past_the_wall}) WITH CHECK ({past_the_wall})",
            f"CREATE POLICY seen_by_caller ON {table} FOR SELECT USING ({seen})",
        ],
        reverse=[
            f"DROP POLICY seen_by_caller ON {table}",
            f"DROP POLICY past_the_wall ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def is_bypassed() -> bool:
    """Whether this connection's role sees every row whatever the policies say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
