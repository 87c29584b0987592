"""What metering does by itself: months close, changes of plans fall due, calls are written down, mails leave."""

from uuid import UUID

from trustengine.jobs.registry import job, scheduled, subscribe

ATTEMPTS = 18  # the delay grows to an hour: a mail server may be away for a night


@job(queue="low", atomic=False, max_attempts=ATTEMPTS)
def send_usage_alert(alert_id: str) -> int:
    """Tell a profile's owners by mail how much they have used; how many were told."""
    from billing.letters import send_alert

    return send_alert(UUID(alert_id))


@subscribe("reviews.review_submitted")
@job()
def count_review(review_id: str, profile_id: str, item_id: str = "", **more: object) -> bool:
    """A review is collected for its product's vendor. In a job, because all reviews of a vendor meet in one row.

    Once for each purchase: who withdraws and writes again uses no more of the vendor's plan.
    """
    from billing.services.usage import record_usage

    return record_usage(
        profile_id=UUID(profile_id),
        meter="reviews_collected",
        source="reviews",
        event_id=item_id or review_id,
        quantity=1,
    )


@subscribe("reviews.text_moderated")
@job(queue="low")
def count_moderation_tokens(profile_id: str, tokens: int, event_id: str, **more: object) -> bool:
    """What the moderation model was asked about a review is used by the product's vendor. One event for each call."""
    from billing.services.usage import record_usage

    return record_usage(
        profile_id=UUID(profile_id),
        meter="moderation_tokens",
        source="moderation",
        event_id=event_id,
        quantity=tokens,
    )


@scheduled("*/5 * * * *")
@job(queue="low", atomic=False)
def write_down_calls() -> int:
    """Count the API calls of hours that have ended."""
    from billing.services.calls import write_down_calls as write_down

    return write_down()


@scheduled("* * * * *")
@job(queue="low")
def end_reservations() -> int:
    """Give back room that was reserved for work which never ended."""
    from billing.services.quotas import expire_reservations

    return expire_reservations()


@scheduled("*/10 * * * *")
@job(queue="low")
def change_subscriptions() -> int:
    """Write down the changes of plans that have fallen due. They hold from their moment on in any case."""
    from billing.services.subscriptions import apply_due_changes

    return apply_due_changes()


@scheduled("*/30 * * * *")
@job(queue="low")
def close_usage() -> int:
    """Close the months that take no late events any more."""
    from billing.services.months import close_months

    return close_months()
