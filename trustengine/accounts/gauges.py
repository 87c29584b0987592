"""What a scrape tells about erasures."""

from collections.abc import Sequence

from django.db.models import Count, Min

from trustengine.accounts.models import Erasure
from trustengine.database_time import database_now
from trustengine.insight import gauge


@gauge("trustengine_erasures_open", "Erasures that are not done, by state.", labels=["state"])
def open_erasures() -> dict[Sequence[str], float]:
    rows = Erasure.objects.exclude(state=Erasure.State.DONE).order_by().values_list("state").annotate(Count("pk"))
    counts = dict.fromkeys([Erasure.State.REQUESTED, Erasure.State.RUNNING, Erasure.State.FAILED], 0)
    return {(str(state),): count for state, count in (counts | dict(rows)).items()}


@gauge("trustengine_erasures_oldest_seconds", "How long the oldest erasure that is not done has been asked for.")
def oldest_erasure() -> float:
    oldest = Erasure.objects.exclude(state=Erasure.State.DONE).aggregate(at=Min("requested_at"))["at"]
    return (database_now() - oldest).total_seconds() if oldest else 0.0
