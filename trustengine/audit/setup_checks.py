"""The audit's own role, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks

from trustengine.audit.separation import problems
from trustengine.database.proving import proves


@proves("audit.E010", hint="Run manage.py migrate: it separates the audit on the embedded PostgreSQL.")
def separated_audit() -> Iterator[str]:
    """On the embedded PostgreSQL the application's role only inserts into the audit and reads it."""
    if not settings.DATABASE_URL:
        yield from problems()


@proves(
    "audit.W010", severity=checks.Warning, hint="docs/operating.md, “The audit's own role”, shows how to separate it."
)
def separated_audit_elsewhere() -> Iterator[str]:
    """The same on a given PostgreSQL, where a superuser has to do it."""
    if settings.DATABASE_URL:
        yield from problems()
