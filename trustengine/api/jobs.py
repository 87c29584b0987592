from datetime import timedelta

from trustengine.api.models import PassedActions, StoredAnswer
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled

PRUNE_BATCH = 5_000
LONGEST_WINDOW = timedelta(days=1)  # of the limits that count in the database


@scheduled("41 * * * *")
@job(queue="low")
def prune() -> dict[str, int]:
    """Delete stored answers that are no longer replayed, and counts of limits that are no longer needed."""
    answers = 0
    expired = StoredAnswer.objects.expired().order_by("created_at")
    while ids := list(expired.values_list("pk", flat=True)[:PRUNE_BATCH]):
        answers += StoredAnswer.objects.filter(pk__in=ids).delete()[0]
    idle = PassedActions.objects.filter(moments__0__lt=database_now() - LONGEST_WINDOW)
    return {"answers": answers, "limits": idle.delete()[0]}
