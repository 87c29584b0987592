"""Time-outs of the database: the role's, which hold for every session, and those that long work states itself.

The role's are set once (``set_role_timeouts``), because a session's own ``SET`` would leak
behind PgBouncer, and proved on a fresh connection (``timeout_problems``). Long work states its
own with ``SET LOCAL``, inside its transactions only: ``with long_running()``.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg.pq import TransactionStatus

IDLE_MS = 60_000
LONG_LOCK_MS = 30_000
LONG_IDLE_MS = 3_600_000
MIGRATION_LOCK_MS = 10_000  # whoever asks for a table after a migration that waits, waits as long


@dataclass(frozen=True)
class Timeouts:
    """How long a statement may run, wait for a lock, and leave its transaction idle, in milliseconds."""

    statement_ms: int
    lock_ms: int
    idle_ms: int = IDLE_MS

    @property
    def settings(self) -> dict[str, int]:
        """Values by PostgreSQL's own names."""
        return {
            "statement_timeout": self.statement_ms,
            "lock_timeout": self.lock_ms,
            "idle_in_transaction_session_timeout": self.idle_ms,
        }


_stated: ContextVar[Timeouts | None] = ContextVar("stated_timeouts", default=None)


def role_timeouts() -> Timeouts:
    """The time-outs of requests and short jobs."""
    return Timeouts(settings.STATEMENT_TIMEOUT_MS, settings.LOCK_TIMEOUT_MS)


def set_role_timeouts(using: str = DEFAULT_DB_ALIAS) -> None:
    """Give the database role its time-outs in this database, for connections made from now on.

    A role may always change its own defaults.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        database = connection.ops.quote_name(connection.settings_dict["NAME"])
        for name, milliseconds in role_timeouts().settings.items():
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = {int(milliseconds)}")


def timeout_problems(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Time-outs that a fresh connection does not have as the settings say; empty if all hold.

    Raises django.db.OperationalError.
    """
    connection = connections[using]
    wanted = role_timeouts().settings
    # The settings' view has the bare number; current_setting() would say "15s".
    query = "SELECT name, setting::bigint FROM pg_settings WHERE name = ANY(%s)"
    with (
        connection.wrap_database_errors,
        psycopg.connect(**connection.get_connection_params()) as fresh,
    ):
        held = dict(fresh.execute(query, [list(wanted)]).fetchall())
    fresh.close()
    return [
        f"{name} is {held[name]} ms instead of {milliseconds} ms"
        for name, milliseconds in wanted.items()
        if held[name] != milliseconds
    ]


@contextmanager
def stated(timeouts: Timeouts) -> Iterator[None]:
    """State other time-outs than the role's in every transaction of this block, and at once where one is open.

    A statement outside of a transaction gets one of its own, or it could state nothing.
    Blocks nest. Threads that are started inside have the role's time-outs.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    before = _stated.get()
    token = _stated.set(timeouts)
    try:
        if connection.in_atomic_block:
            _set_local(connection, timeouts)
        with connection.execute_wrapper(_in_transaction):
            yield
    finally:
        _stated.reset(token)
        if connection.in_atomic_block and _takes_statements(connection):
            _set_local(connection, before)


def long_running() -> AbstractContextManager[None]:
    """State the time-outs of commands and of other work that nobody tries again for them."""
    return stated(Timeouts(settings.LONG_STATEMENT_TIMEOUT_MS, LONG_LOCK_MS, LONG_IDLE_MS))


def long_job() -> AbstractContextManager[None]:
    """State the time-outs of jobs that go through many rows. For locks they wait no longer: jobs are tried again."""
    return stated(Timeouts(settings.LONG_STATEMENT_TIMEOUT_MS, settings.LOCK_TIMEOUT_MS, LONG_IDLE_MS))


def migrating() -> AbstractContextManager[None]:
    """State the time-outs of migrations, which hold up all traffic of a table while they wait for its lock."""
    return stated(Timeouts(settings.LONG_STATEMENT_TIMEOUT_MS, MIGRATION_LOCK_MS, LONG_IDLE_MS))


def state_in(connection: Any) -> None:
    """Begin a transaction with the time-outs of the surrounding block, if it states any. For the database backend."""
    timeouts = _stated.get()
    if timeouts is not None and connection.alias == DEFAULT_DB_ALIAS:
        _set_local(connection, timeouts)


def _set_local(connection: Any, timeouts: Timeouts | None) -> None:
    """``SET LOCAL``, which takes no snapshot, so that the isolation level may still be chosen. None: the role's."""
    values = (timeouts or role_timeouts()).settings
    statement = "; ".join(
        f"SET LOCAL {name} = {int(value) if timeouts else 'DEFAULT'}" for name, value in values.items()
    )
    with connection.wrap_database_errors:
        connection.connection.execute(statement, prepare=False)


def _takes_statements(connection: Any) -> bool:
    """Whether the open transaction is not broken; one that is takes its settings back by rolling back."""
    if connection.needs_rollback or connection.connection is None or connection.connection.closed:
        return False
    return bool(connection.connection.info.transaction_status == TransactionStatus.INTRANS)


def _in_transaction(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    connection = context["connection"]
    if connection.in_atomic_block or not connection.get_autocommit():
        return execute(sql, params, many, context)
    with transaction.atomic(using=connection.alias):
        return execute(sql, params, many, context)
