from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import setup_checks  # noqa: F401

        post_migrate.connect(make_default_plan, sender=self)


def make_default_plan(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """See to it that there is a plan for profiles without a subscription. Runs again without harm."""
    from django.db import connections

    from billing.models import PlanVersion
    from billing.services.plans import make_default_plan

    if PlanVersion._meta.db_table in connections[using].introspection.table_names():
        make_default_plan()
