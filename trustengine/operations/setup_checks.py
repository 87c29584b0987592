"""Set-up of the database that is proved on the running system, by ``manage.py check --database default``."""

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from trustengine.database.timeouts import timeout_problems


@checks.register(checks.Tags.database)
def database_timeouts(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A fresh connection has the time-outs that the settings name."""
    hint = "Run manage.py migrate, and reconnect poolers: it sets them on the role of DATABASE_URL."
    return [
        checks.Error(f"{problem}: requests may wait for each other without an end.", hint=hint, id="operations.E001")
        for problem in (timeout_problems() if databases else [])
    ]
