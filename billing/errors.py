"""What the rules of billing refuse."""

from trustengine.errors import DomainError


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
