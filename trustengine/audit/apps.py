from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "trustengine.audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        from trustengine.audit import setup_checks  # noqa: F401
