from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from reports.catalogue import make_reasons

        post_migrate.connect(make_reasons, sender=self)
