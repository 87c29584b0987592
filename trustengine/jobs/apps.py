from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "trustengine.jobs"

    def ready(self) -> None:
        from trustengine.jobs import setup_checks  # noqa: F401

        autodiscover_modules("jobs")
