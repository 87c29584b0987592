"""Mail about where vendors' money goes."""

from uuid import UUID

from trustengine.jobs.registry import job

ATTEMPTS = 18  # the delay grows to an hour: a mail server may be away for a night


@job(queue="low", atomic=False, max_attempts=ATTEMPTS)
def send_destination_letter(change_id: str, step: str) -> int:
    """Tell all owners of a vendor by mail what became of its destination; returns how many were told."""
    from billing.letters import send_change

    return send_change(UUID(change_id), step)
