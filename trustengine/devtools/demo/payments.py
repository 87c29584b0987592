"""A payment that the provider tells of, and that nobody here knows."""

from datetime import timedelta

from django.conf import settings

from orders.models import PaymentEvent
from trustengine.devtools.demo.world import World


def lose_a_payment(world: World) -> None:
    """An event that waits for a checkout that does not come: Finance finds it among what is stuck."""
    moment = world.horizon - timedelta(hours=3)
    intent = f"pi_demo_{world.rng.getrandbits(64):016x}"
    about = {
        "id": intent,
        "object": "payment_intent",
        "amount": 18900,
        "amount_received": 18900,
        "currency": settings.MARKETPLACE_CURRENCY.lower(),
        "metadata": {},
    }
    event = PaymentEvent(
        id=f"evt_demo_{world.rng.getrandbits(64):016x}",
        type="payment_intent.succeeded",
        payment_intent_id=intent,
        payload={"type": "payment_intent.succeeded", "data": {"object": about}},
        state=PaymentEvent.State.WAITING,
        outcome="no checkout has this payment",
        attempts=1,
        made_at=moment,
        received_at=moment,
    )
    world.add(event)
