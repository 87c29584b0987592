from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class AccountsConfig(AppConfig):
    name = "trustengine.accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from trustengine.accounts import checks, groups, schema, setup_checks, standing  # noqa: F401

        autodiscover_modules("erasure", "export")
        # Connected without a sender, so that it runs after the last app's permissions exist too.
        post_migrate.connect(groups.make_groups, dispatch_uid="staff-groups")
