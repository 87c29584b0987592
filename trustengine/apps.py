from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules


class TrustEngineConfig(AppConfig):
    """The project package itself: shared templates, static files, gauges, the role's time-outs, columns' bounds."""

    name = "trustengine"

    def ready(self) -> None:
        from trustengine.database import bounds

        pre_migrate.connect(bounds.drop_outdated, dispatch_uid="drop-outdated-bounds")
        post_migrate.connect(bounds.add_missing, dispatch_uid="add-missing-bounds")
        # Django sends the signal for apps with a models module, which this one is not.
        post_migrate.connect(_set_role_timeouts, sender=apps.get_app_config("jobs"), dispatch_uid="role-timeouts")
        autodiscover_modules("gauges")


class TrustEngineAdminConfig(AdminConfig):
    default_site = "trustengine.admin.ConsoleSite"


def _set_role_timeouts(using: str, **kwargs: object) -> None:
    from trustengine.database.timeouts import set_role_timeouts

    set_role_timeouts(using)
