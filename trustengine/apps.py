from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class TrustEngineConfig(AppConfig):
    """The project package itself: shared templates, static files, gauges and the database role's timeouts."""

    name = "trustengine"

    def ready(self) -> None:
        post_migrate.connect(set_role_timeouts, sender=self)
        autodiscover_modules("gauges")


class TrustEngineAdminConfig(AdminConfig):
    default_site = "trustengine.admin.ConsoleSite"


def set_role_timeouts(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Give the database role its timeouts, so that no session has to set them.

    A role may always change its own defaults. They hold for connections made from
    now on, and also behind PgBouncer, where a session's own ``SET`` would leak.
    """
    from django.conf import settings
    from django.db import connections

    timeouts = {
        "lock_timeout": settings.LOCK_TIMEOUT_MS,
        "statement_timeout": settings.STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": 60_000,
    }
    connection = connections[using]
    with connection.cursor() as cursor:
        database = connection.ops.quote_name(connection.settings_dict["NAME"])
        for name, milliseconds in timeouts.items():
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = {int(milliseconds)}")
