"""Errors that a caller may expect. Their ``code`` is part of the API's contract."""

from typing import Any


class DomainError(Exception):
    """A request that the rules refuse. Carries what a client needs to react.

    ``extra`` holds further members of the problem document, ``headers`` those of the answer.
    """

    status = 400
    code = "INVALID_INPUT"
    message = "The request cannot be carried out."

    def __init__(self, message: str = "", *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        self.detail = message or self.message
        self.headers = headers or {}
        self.extra = extra
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """One or more fields cannot be used. ``fields`` maps a field's name to what is wrong with it."""

    message = "The input is not valid."

    def __init__(self, message: str = "", *, fields: dict[str, str] | None = None) -> None:
        errors = [{"field": name, "message": text, "code": "invalid"} for name, text in (fields or {}).items()]
        extra: dict[str, Any] = {"errors": errors} if errors else {}
        super().__init__(message, **extra)


class NotFound(DomainError):
    status = 404
    code = "NOT_FOUND"
    message = "There is nothing here, or nothing that you may see."


class PermissionDenied(DomainError):
    status = 403
    code = "PERMISSION_DENIED"
    message = "You may not do this."


class AccountSuspended(DomainError):
    status = 403
    code = "ACCOUNT_SUSPENDED"
    message = "This account is suspended."


class AgeRestricted(DomainError):
    status = 403
    code = "AGE_RESTRICTED"
    message = "You are too young to write reviews."


class InvalidTransition(DomainError):
    status = 409
    code = "INVALID_TRANSITION"
    message = "This change is not possible in the present state."


class RateLimitExceeded(DomainError):
    status = 429
    code = "RATE_LIMIT_EXCEEDED"
    message = "Too many requests. Please wait."

    def __init__(self, retry_after: int, message: str = "") -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class ReadOnlyMode(DomainError):
    status = 503
    code = "READ_ONLY_MODE"
    message = "The service is in read-only mode. Please try again later."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "60"})


class TryAgain(DomainError):
    status = 503
    code = "TRY_AGAIN"
    message = "The service is busy. Please try again."

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})
