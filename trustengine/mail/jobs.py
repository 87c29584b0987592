"""Background work of mail."""

from trustengine.jobs.registry import job, scheduled
from trustengine.mail import outbox


@scheduled("17 3 * * *")
@job(queue="low", atomic=False)
def prune_outbox() -> dict[str, int]:
    """Delete mails of the outbox that have had their days."""
    return {"mails": outbox.prune()}
