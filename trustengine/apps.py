from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class TrustEngineConfig(AppConfig):
    """The project package itself: shared templates, static files, gauges and the database role's timeouts."""

    name = "trustengine"

    def ready(self) -> None:
        # Django sends the signal for apps with a models module, which this one is not.
        post_migrate.connect(_set_role_timeouts, sender=apps.get_app_config("jobs"), dispatch_uid="role-timeouts")
        autodiscover_modules("gauges")


class TrustEngineAdminConfig(AdminConfig):
    default_site = "trustengine.admin.ConsoleSite"


def _set_role_timeouts(using: str, **kwargs: object) -> None:
    from trustengine.database.timeouts import set_role_timeouts

    set_role_timeouts(using)
