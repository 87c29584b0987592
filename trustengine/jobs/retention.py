"""How jobs that are over leave the table."""

from datetime import datetime

from trustengine.jobs.models import Job

PRUNE_BATCH = 5_000
OVER_SINCE = {Job.State.DONE: "finished_at", Job.State.DEAD: "dead_letter_at"}  # each has an index of its own


def delete_over(state: str, *, before: datetime) -> int:
    """Delete the jobs that have been done, or dead, since before a moment; returns how many.

    In batches, oldest first. KeyError for a state in which a job is not over.
    """
    moment = OVER_SINCE[Job.State(state)]
    over = Job.objects.filter(state=state, **{f"{moment}__lt": before})
    deleted = 0
    while ids := list(over.order_by(moment).values_list("pk", flat=True)[:PRUNE_BATCH]):
        deleted += over.filter(pk__in=ids).delete()[0]
    return deleted
