"""The database's schema against the migrations that this code brings."""

from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from trustengine.embedded.ownership import FileLock

Migration = tuple[str, str]


class SchemaTooNew(Exception):
    """The database was migrated by a newer version of the code."""

    def __init__(self, unknown: Migration) -> None:
        app, name = unknown
        super().__init__(f"the database's schema is newer than this version: it holds {app}.{name}, unknown here")


@dataclass(frozen=True)
class SchemaState:
    """Migrations that stand on one side only, as (app, name)."""

    pending: list[Migration]  # the code's, not applied yet
    unknown: list[Migration]  # applied, but not in this code


def compare_schema() -> SchemaState:
    """Compare the applied migrations with the code's. Raises django.db.DatabaseError."""
    loader = MigrationLoader(connection)
    applied = set(loader.applied_migrations)
    pending = set(loader.graph.nodes) - applied
    # What a squashed migration replaces is known, whether or not the old files are still there.
    replaced = {old for migration in loader.disk_migrations.values() for old in migration.replaces}
    unknown = applied - set(loader.disk_migrations) - replaced
    return SchemaState(sorted(pending), sorted(key for key in unknown if key[0] in loader.migrated_apps))


def bring_up_to_date(data_dir: Path) -> int:
    """Apply the pending migrations, one process of a data directory at a time, and return how many.

    Raises SchemaTooNew, django.db.DatabaseError, EmbeddedError (the lock file cannot be written).
    """
    state = compare_schema()
    if state.pending and not state.unknown:
        lock = FileLock(data_dir / "migrate.lock")
        lock.acquire()
        try:
            state = compare_schema()  # another process may have just done it
            if state.pending and not state.unknown:
                call_command("migrate", verbosity=0, interactive=False)
        finally:
            lock.release()
    if state.unknown:
        raise SchemaTooNew(state.unknown[-1])
    return len(state.pending)
