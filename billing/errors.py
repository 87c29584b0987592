"""What the rules of billing refuse."""

from datetime import datetime
from typing import Any

from trustengine.database_time import database_now
from trustengine.errors import DomainError, InvalidTransition, PermissionDenied

# Payouts


class NothingDue(InvalidTransition):
    """There is nobody to pay at present. ``skipped`` tells the vendors passed over, with the reason."""

    message = "Nothing is due: whatever is available is in another batch, held, or below the minimum."


class SecondPersonNeeded(PermissionDenied):
    """The caller decided something that this approval is about. ``parts`` names it, such as drafted or fee."""

    message = "Whoever drafted a batch cannot approve it: somebody else has to."


class PayoutNotCovered(DomainError):
    """What a draft would pay is not all there any more. ``payouts`` names them, each with a reason."""

    status = 409
    code = "INVALID_TRANSITION"
    message = "Refunds, disputes or destinations have changed since the draft: draw it up anew."


# Outside services


class CapacityExceeded(DomainError):
    """An outside service is used as much as it allows at present. Nothing of it was taken by asking.

    ``retry_after`` is in whole seconds; ``limit`` says what there is no room in: requests,
    tokens, parallel, cooling (the provider asked for it), or paused (an operator did).
    """

    status = 429
    code = "CAPACITY_EXCEEDED"
    message = "The service that this needs is used to capacity. Please try again later."

    def __init__(self, limit: str, retry_after: int) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(headers={"Retry-After": str(retry_after)}, limit=limit)


# Usage


class QuotaExceeded(DomainError):
    """A hard limit of the profile's plan. ``left`` of it remains, until it begins anew at ``resets_at``."""

    status = 429
    code = "QUOTA_EXCEEDED"
    message = "The plan's limit is reached."

    def __init__(self, *, meter: str, left: int, resets_at: datetime) -> None:
        wait = max(1, int((resets_at - database_now()).total_seconds()) + 1)
        super().__init__(headers={"Retry-After": str(wait)}, meter=meter, left=max(0, left), resets_at=resets_at)


class UsageEventConflict(DomainError):
    """Events that were told before with other content. Of a request with one such event, none is counted."""

    status = 409
    code = "USAGE_EVENT_CONFLICT"
    message = "An event with this key has been told with other content."

    def __init__(self, fields: list[str] | None = None) -> None:
        errors = [{"field": field, "message": self.message, "code": "conflict"} for field in fields or []]
        extra: dict[str, Any] = {"errors": errors} if errors else {}
        super().__init__(**extra)
