"""The database's schema against the migrations that this code brings."""

from dataclasses import dataclass

from django.db import connection
from django.db.migrations.loader import MigrationLoader

Migration = tuple[str, str]


@dataclass(frozen=True)
class SchemaState:
    """Migrations that stand on one side only, as (app, name)."""

    pending: list[Migration]  # the code's, not applied yet
    unknown: list[Migration]  # applied by a newer version of the code

    @property
    def is_current(self) -> bool:
        return not self.pending and not self.unknown

    def explain_unknown(self) -> str:
        """One line for the operator who has started an old version on a newer database."""
        app, name = self.unknown[-1]
        return f"the database's schema is newer than this version of the code: it has {app}.{name}, unknown here"


def compare_schema() -> SchemaState:
    """Compare the applied migrations with the code's. Raises django.db.DatabaseError."""
    loader = MigrationLoader(connection)
    applied = set(loader.applied_migrations)
    pending = set(loader.graph.nodes) - applied
    # What squashed migrations replace is known, whether or not the old files are still there.
    replaced = {old for migration in loader.disk_migrations.values() for old in migration.replaces}
    unknown = applied - set(loader.disk_migrations) - replaced
    return SchemaState(sorted(pending), sorted(key for key in unknown if key[0] in loader.migrated_apps))
