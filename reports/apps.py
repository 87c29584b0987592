from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReportsConfig(AppConfig):
    name = "reports"

    def ready(self) -> None:
        from reports import (
            confidence,  # noqa: F401  registers whose entries name nobody
            records,  # noqa: F401  registers what reputation asks for
            setup_checks,  # noqa: F401
        )
        from reports.catalogue import make_reasons
        from reports.services import deciding  # noqa: F401  registers the recorder of decisions

        post_migrate.connect(make_reasons, sender=self)
