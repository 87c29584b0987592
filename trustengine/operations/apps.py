from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OperationsConfig(AppConfig):
    name = "trustengine.operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Let every app fill the registries, from the lowest storey upwards."""
        from trustengine.operations import checks, setup_checks  # noqa: F401

        autodiscover_modules("reconcilers", "backfills", "importers")
        checks.require_known_targets()
