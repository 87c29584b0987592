"""What the rules of billing refuse."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from trustengine.errors import DomainError


class QuotaExceeded(DomainError):
    """A hard limit of the profile's plan. ``left`` of it remains, until it begins anew at ``resets_at``."""

    status = 429
    code = "QUOTA_EXCEEDED"
    message = "The plan's limit is reached."

    def __init__(self, *, meter: str, left: int, resets_at: datetime) -> None:
        wait = max(1, int((resets_at - timezone.now()).total_seconds()) + 1)
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
