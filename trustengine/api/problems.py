"""Every error as ``application/problem+json`` (RFC 9457), with a stable ``code``."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from trustengine.api.refusals import refused
from trustengine.errors import DomainError, InvalidInput, NotFound, PermissionDenied, TryAgain

logger = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ValidationError: "INVALID_INPUT",
    exceptions.ParseError: "INVALID_INPUT",
    exceptions.AuthenticationFailed: "TOKEN_INVALID",
    exceptions.NotAuthenticated: "AUTH_REQUIRED",
    exceptions.PermissionDenied: "PERMISSION_DENIED",
    exceptions.NotFound: "NOT_FOUND",
    exceptions.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    exceptions.NotAcceptable: "NOT_ACCEPTABLE",
    exceptions.UnsupportedMediaType: "FILE_TYPE_NOT_ALLOWED",
    exceptions.Throttled: "RATE_LIMIT_EXCEEDED",
}

# SQLSTATEs that say: nothing is wrong with the request, try it again. Beside them all of class 08, connections.
RETRYABLE = {
    "25006": "the server has become a read-only standby",
    "25P03": "idle in transaction for too long",
    "25P04": "transaction timeout",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53300": "too many connections",
    "53400": "a configured limit exceeded",
    "55P03": "lock timeout",
    "57014": "statement timeout",
    "57P01": "the server is being stopped",
    "57P02": "the server has crashed",
    "57P03": "the server is starting",
    "57P05": "idle for too long",
}

UNSTORABLE = {"22021": "a character that is none in UTF-8", "22P05": "a NUL in JSON"}


class ProblemResponse(Response):
    """An answer in the shape of RFC 9457."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(problem(status, code, detail, **members), status=status, headers=headers)
        self.content_type = CONTENT_TYPE


def problem(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """The members of a problem document; the request id goes with every one."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
        **({"request_id": request_id} if request_id else {}),
    }


def exception_handler(error: Exception, context: dict[str, Any]) -> ProblemResponse | None:
    """DRF's hook. None lets an unknown error through to ``server_error``, which reports a bug."""
    error = _translated(error)
    if isinstance(error, DomainError):
        set_rollback()
        if error.status == 403:
            refused(error.code, user=_user_id(context))
        return ProblemResponse(
            status=error.status,
            code=error.code,
            detail=error.detail,
            headers=error.headers,
            **error.extra,
        )
    if isinstance(error, exceptions.APIException):
        set_rollback()
        headers = {}
        if isinstance(error, exceptions.AuthenticationFailed):
            headers["WWW-Authenticate"] = 'Bearer realm="api", error="invalid_token"'
        elif isinstance(error, exceptions.NotAuthenticated):
            headers["WWW-Authenticate"] = 'Bearer realm="api"'
        elif isinstance(error, exceptions.Throttled):
            headers["Retry-After"] = str(max(1, math.ceil(getattr(error, "wait", None) or 1)))
        members: dict[str, Any] = {}
        if isinstance(error, exceptions.ValidationError):
            detail, members["errors"] = (
                "The input is not valid.",
                list(_field_errors(error.get_full_details())),
            )
        else:
            detail = str(error.detail)
        return ProblemResponse(
            status=error.status_code,
            code=_code(error),
            detail=detail,
            headers=headers,
            **members,
        )
    return None


def is_retryable(error: BaseException) -> bool:
    """Whether a database error is of the moment: a lock, a timeout, a deadlock, a lost connection."""
    cause = error.__cause__ or error
    state = getattr(cause, "sqlstate", None)
    if state:
        return state in RETRYABLE or state.startswith("08")
    return isinstance(error, OperationalError | InterfaceError)


def is_unstorable(error: BaseException | None) -> bool:
    """Whether a text was refused by the database or its driver for a NUL or half a character in it."""
    cause = getattr(error, "__cause__", None) or error
    if isinstance(error, DataError) and getattr(cause, "sqlstate", None) is None:
        return "NUL" in str(error)  # the driver's own, which has no code
    return isinstance(error, DataError) and getattr(cause, "sqlstate", None) in UNSTORABLE


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 404 of addresses that lead nowhere."""
    from django.views.defaults import page_not_found

    if not request.path.startswith("/api/"):
        return page_not_found(request, exception or Http404())
    return as_json(404, "NOT_FOUND", "There is nothing at this address.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 400 of requests that are refused before a view sees them."""
    from django.views.defaults import bad_request as plain

    if not request.path.startswith("/api/"):
        return plain(request, exception or SuspiciousOperation())
    if isinstance(exception, InvalidInput):
        return as_json(exception.status, exception.code, exception.detail, **exception.extra)
    return as_json(400, "INVALID_INPUT", "The request is not well-formed.")


def server_error(request: HttpRequest) -> HttpResponse:
    """The 500 of a bug, or the 503 of a database that is busy or away, outside of DRF: in middleware and on pages."""
    import sys

    from django.views.defaults import server_error as plain

    error = sys.exc_info()[1]
    if isinstance(error, DatabaseError | InterfaceError) and is_retryable(error):
        return unavailable(request, TryAgain())
    if is_unstorable(error):
        return bad_request(request)
    if not request.path.startswith("/api/"):
        return plain(request)
    return as_json(
        500,
        "INTERNAL_ERROR",
        "Something is wrong on our side. Please quote the request id.",
    )


def unavailable(request: HttpRequest, error: DomainError) -> HttpResponse:
    """What is refused for now and may be tried again later (503, 429): a problem for the API, a page for people."""
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = as_json(error.status, error.code, error.detail)
    else:
        # Nothing that asks the database or the session stands in this page.
        page = render_to_string("503.html", {"message": error.detail, "wait": error.headers["Retry-After"]})
        answer = HttpResponse(page, status=error.status)
    answer["Retry-After"] = error.headers["Retry-After"]
    return answer


def as_json(status: int, code: str, detail: str, **members: Any) -> JsonResponse:
    """A problem document outside of DRF."""
    return JsonResponse(problem(status, code, detail, **members), status=status, content_type=CONTENT_TYPE)


def _translated(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, DjangoPermissionDenied):
        return PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return _BodyTooLarge()
    if is_unstorable(error):
        return InvalidInput("The input holds a character that cannot be stored.")
    if isinstance(error, DatabaseError | InterfaceError) and is_retryable(error):
        logger.warning(
            "database_busy",
            error=type(error).__name__,
            sqlstate=getattr(error.__cause__, "sqlstate", None),
        )
        return TryAgain()
    return error


class _BodyTooLarge(DomainError):
    status = 413
    code = "FILE_TOO_LARGE"
    message = "The body of the request is too large."


def _code(error: exceptions.APIException) -> str:
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    return "INVALID_INPUT" if error.status_code < 500 else "INTERNAL_ERROR"


def _field_errors(details: Any, field: str = "") -> Any:
    """Flatten DRF's nested error details into {field, message, code} with dotted field names."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {
            "field": field or "non_field_errors",
            "message": str(details["message"]),
            "code": str(details["code"]),
        }
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _field_errors(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(details, list):
        for position, inner in enumerate(details):
            nested = isinstance(inner, dict) and set(inner) != {"message", "code"}
            yield from _field_errors(inner, f"{field}.{position}" if nested and field else field)


def _user_id(context: dict[str, Any]) -> str | None:
    user = getattr(context.get("request"), "user", None)
    return str(user.pk) if user is not None and user.pk else None
