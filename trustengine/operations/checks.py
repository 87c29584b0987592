"""Settings of the database that would quietly take something away."""

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from trustengine.operations.startup import role_problem


@checks.register(checks.Tags.database)
def database_role(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The role that DATABASE_URL names is kept by row-level security."""
    if not databases or not (problem := role_problem()):
        return []
    hint = "CREATE ROLE trustengine LOGIN; then make it the owner of the database."
    return [checks.Warning(f"DATABASE_URL: the role is too mighty, {problem}.", hint=hint, id="operations.W001")]
