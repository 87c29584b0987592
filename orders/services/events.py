"""Payment events, as operators work on them."""

from django.db import transaction

from orders.models import PaymentEvent
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import InvalidTransition, NotFound
from trustengine.jobs.services import publish

RETRYABLE = (PaymentEvent.State.WAITING, PaymentEvent.State.FAILED)


@transaction.atomic
def retry_event(event_id: str, *, actor: User | None) -> PaymentEvent:
    """Have an event that failed, or waits, processed anew. Raises NotFound, InvalidTransition."""
    event = PaymentEvent.objects.select_for_update(of=("self",), no_key=True).filter(pk=event_id).first()
    if event is None:
        raise NotFound
    if event.state not in RETRYABLE:
        raise InvalidTransition("Only an event that failed or waits can be tried again.")
    before = {"state": event.state}
    event.state, event.outcome = PaymentEvent.State.RECEIVED, ""
    event.save(update_fields=["state", "outcome"])
    record("payment_event.retried", event, actor=actor, before=before, after={"state": event.state})
    publish("orders.payment_event_retried", event_id=event.pk)
    return event
