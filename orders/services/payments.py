"""Payment events: taken once by their ids, and worked off payment by payment.

Taking one stores it, and asks for a job; the job does whatever follows. Locks of the job:
its payment's key, then the payment's events, then either the checkout (as long as there is
no order) or the order and its items.
"""

import json
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from orders.jobs.payments import process_payment
from orders.models import Checkout, PaymentEvent
from orders.payments.events import ProviderEvent
from orders.services.payment_events import HANDLERS, RANKS, Outcome
from trustengine.accounts.models import User
from trustengine.api.problems import is_retryable
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound
from trustengine.jobs.claims import backoff
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)

State = PaymentEvent.State
OPEN = (State.RECEIVED, State.WAITING)
RETRYABLE = (State.WAITING, State.FAILED)

TAKE = """
    INSERT INTO orders_paymentevent
        (id, type, payment_intent_id, payload, state, outcome, attempts, made_at, received_at)
    VALUES (%s, %s, %s, %s, %s, %s, 0, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""


@transaction.atomic
def take_event(event: ProviderEvent) -> bool:
    """Store an event, and have it processed; False if it had been taken before.

    Of what concerns us not, only that it came is kept.
    """
    problem = _not_ours(event)
    payload = {} if problem else event.payload
    state = State.IGNORED if problem else State.RECEIVED
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            [
                event.id,
                event.type,
                event.intent_id,
                json.dumps(payload),
                state,
                problem,
                event.made_at,
                database_now(),
            ],
        )
        fresh = cursor.rowcount == 1
    if fresh and not problem:
        enqueue(process_payment, key=event.intent_id, priority=1)
    return fresh


def process(intent_id: str) -> None:
    """Work off the open events of a payment, each in a savepoint of its own, so that a bad one holds up no other.

    The caller is the job, whose lock on the payment lasts until its transaction's end.
    """
    found = PaymentEvent.objects.filter(payment_intent_id=intent_id, state__in=OPEN)
    events = sorted(
        found.select_for_update(of=("self",), no_key=True),
        key=lambda e: (RANKS.get(e.type, 99), e.made_at, e.received_at, e.pk),
    )
    for event in events:
        _note(event, _outcome(event, intent_id))
    waiting = [event.attempts for event in events if event.state == State.WAITING]
    if waiting and not _asked_for(intent_id):
        enqueue(process_payment, key=intent_id, run_at=database_now() + backoff(max(waiting)))


def wake_waiting_events(intent_id: str) -> None:
    """Have events processed that came before their payment was known here. Called when a checkout is made."""
    if PaymentEvent.objects.filter(payment_intent_id=intent_id, state=State.WAITING).exists():
        enqueue(process_payment, key=intent_id, priority=1)


@transaction.atomic
def retry_event(event_id: str, *, actor: User | None) -> PaymentEvent:
    """Have an event that failed, or waits, processed anew. Raises NotFound, InvalidTransition."""
    event = PaymentEvent.objects.select_for_update(of=("self",), no_key=True).filter(pk=event_id).first()
    if event is None:
        raise NotFound
    if event.state not in RETRYABLE:
        raise InvalidTransition("Only an event that failed or waits can be tried again.")
    if not event.payload:
        raise InvalidTransition("What this event said has been erased.")
    before = {"state": event.state, "attempts": event.attempts}
    event.state, event.outcome = State.RECEIVED, ""
    event.save(update_fields=["state", "outcome"])
    record("payment_event.retried", event, actor=actor, before=before, after={"state": event.state})
    enqueue(process_payment, key=event.payment_intent_id, priority=1)
    return event


def _not_ours(event: ProviderEvent) -> str:
    if event.type not in HANDLERS:
        return "Nothing follows from this type."
    return "" if event.intent_id else "It names no payment."


def _outcome(event: PaymentEvent, intent_id: str) -> Outcome:
    checkout = Checkout.objects.select_related("order").filter(payment_intent_id=intent_id).first()
    if checkout is None and event.payload.get("account"):
        return Outcome(State.IGNORED, "Of a connected account, whose payments are not taken here.")
    if checkout is None:
        return Outcome(State.WAITING, "No checkout has this payment.")
    event.checkout = checkout
    try:
        with transaction.atomic():
            return HANDLERS[event.type](checkout, event, event.payload["data"]["object"])
    except (DatabaseError, InterfaceError) as error:
        if is_retryable(error):
            raise  # the whole job is tried again
        return _failed(event, error)
    except Exception as error:  # told in the event, which an operator sees
        return _failed(event, error)


def _failed(event: PaymentEvent, error: Exception) -> Outcome:
    logger.error("payment_event_failed", payment_event=event.pk, error=type(error).__name__, exc_info=error)
    return Outcome(State.FAILED, f"An error here, see the log: {type(error).__name__}.")


def _note(event: PaymentEvent, outcome: Outcome) -> None:
    state, words = outcome.state, outcome.words
    event.attempts += 1
    if state == State.WAITING and event.received_at < database_now() - timedelta(days=settings.PAYMENT_EVENT_DAYS):
        state, words = State.FAILED, f"Waited in vain: {words}"
    event.state, event.outcome = state, words
    event.processed_at = None if state == State.WAITING else database_now()
    if event.checkout_id:
        event.order_id = Checkout.objects.values_list("order", flat=True).get(pk=event.checkout_id)
    event.save(update_fields=["state", "outcome", "attempts", "processed_at", "checkout", "order"])


def _asked_for(intent_id: str) -> bool:
    """Whether a later run is waiting already: one is enough."""
    return Job.objects.filter(kind=handler_of(process_payment).kind, key=intent_id, state=Job.State.READY).exists()
