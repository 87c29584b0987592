"""What screening needs, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator

from billing.models import ProviderEndpoint
from reviews.models import ScreeningPolicy
from reviews.services.opinions import ENDPOINT, PROVIDER
from trustengine.database.proving import proves


@proves("reviews.E010", hint="Run manage.py migrate: it makes what is missing.")
def screening() -> Iterator[str]:
    """A screening policy is in force, and calls to the moderation service are limited."""
    if not ScreeningPolicy.objects.filter(state=ScreeningPolicy.State.PUBLISHED).exists():
        yield "No screening policy is in force."
    if not ProviderEndpoint.objects.filter(provider=PROVIDER, endpoint=ENDPOINT).exists():
        yield f"The limits of {PROVIDER} {ENDPOINT} are missing: calls to the moderation service have none."
