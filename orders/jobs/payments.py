"""Payment events are followed, and refunds carried out."""

from collections.abc import Sequence
from uuid import UUID

from trustengine.jobs.registry import job

SEND_ATTEMPTS = 24  # more than half a day; Stripe forgets idempotency keys after a whole one


@job(queue="high", coalesce=True)
def process_payment(key: str) -> None:
    """Do what the open events of a payment intent ask for. The runs of one intent take turns."""
    from orders.services.payments import process  # the services enqueue this very job

    process(key)


@job(queue="default", atomic=False, max_attempts=SEND_ATTEMPTS)
def send_refunds(refund_ids: Sequence[str]) -> int:
    """Carry out refunds through the payment provider; each has a key of its own, so a repeat sends nothing twice."""
    from orders.services.sending import send

    return send([UUID(refund) for refund in refund_ids])
