"""From what happens to orders to mails: the jobs that follow events, and the job that sends.

What becomes of items one by one is gathered for ``NOTICE_DELAY_SECONDS``, by order and kind
of news, so that five items shipped together are one mail. ``order_status_changed`` is not
followed: a backfill publishes it too, of orders from years ago.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from orders.models import Notice
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, subscribe
from trustengine.jobs.running import current_job_id
from trustengine.jobs.services import enqueue

TOLD = {kind.value for kind in (Notice.Kind.SHIPPED, Notice.Kind.DELIVERED, Notice.Kind.CANCELLED)}
ATTEMPTS = 18  # the delay grows to an hour: a mail server may be away for a night


@subscribe("orders.order_placed")
@job(queue="low")
def confirm_order(order_id: str, **more: object) -> int:
    """Tell the customer that the order is confirmed, and vendors that there is something to fulfil."""
    from orders.services.notices import note_confirmation

    return _send_soon(note_confirmation(UUID(order_id)))


@subscribe("orders.item_moved")
@job(queue="low")
def gather_news(order_id: str, to: str, **more: object) -> None:
    """Look at the order's items a little later, when those that move together have moved."""
    if to in TOLD:
        moment = database_now() + timedelta(seconds=settings.NOTICE_DELAY_SECONDS)
        enqueue(tell_customer, key=f"{to}:{order_id}", run_at=moment)


@job(queue="low", coalesce=True)
def tell_customer(key: str) -> int:
    """Tell the customer which items have been shipped, delivered or cancelled and not told yet."""
    from orders.services.notices import note_items

    kind, _, order_id = key.partition(":")
    notice = note_items(UUID(order_id), kind)
    return _send_soon([notice] if notice else [])


@subscribe("orders.order_refunded")
@job(queue="low")
def tell_refund(order_id: str, item_ids: list[str], amount_cents: int, **more: object) -> int:
    """Tell the customer what was refunded. This job, which runs once, is the occasion."""
    from orders.services.notices import note_refund

    ids = [UUID(item) for item in item_ids]
    notice = note_refund(UUID(order_id), item_ids=ids, amount_cents=amount_cents, occasion=str(current_job_id()))
    return _send_soon([notice] if notice else [])


@job(queue="low", atomic=False, max_attempts=ATTEMPTS)
def send_notice(notice_id: str) -> str:
    """Hand a notice to the mail server."""
    from orders.notices.sending import send

    return send(UUID(notice_id))


def _send_soon(notices: Iterable[Notice]) -> int:
    return len([enqueue(send_notice, notice_id=notice.pk) for notice in notices])
