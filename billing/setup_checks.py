"""The default plan, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator

from billing.models import PlanVersion
from trustengine.database.proving import proves


@proves("billing.E010", hint="Run manage.py migrate: it makes the built-in plan where there is none.")
def default_plan() -> Iterator[str]:
    """There is a plan for profiles without a subscription."""
    if not PlanVersion.objects.filter(is_default=True).exists():
        yield "There is no default plan: profiles without a subscription have no quota."
