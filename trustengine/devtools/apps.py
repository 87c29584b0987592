from django.apps import AppConfig


class DevtoolsConfig(AppConfig):
    name = "trustengine.devtools"
    verbose_name = "Devtools"

    def ready(self) -> None:
        from trustengine.devtools import checks  # noqa: F401
