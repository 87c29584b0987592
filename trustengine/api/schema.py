"""The OpenAPI document: drf-spectacular's, with each operation's problems, its example and its tag.

What every view has in common is derived from the view: a path parameter brings 404, a
body 400, 413 and 415, authentication 401. What its rules refuse, the view declares by
``@raises``. Together they are exactly the statuses that a client may meet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from django.apps import apps
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, build_mock_request
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.views import APIView

from trustengine.api.caching import PublicRead
from trustengine.api.idempotency import (
    REPLAYED,
    UNSAFE_METHODS,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Idempotent,
)
from trustengine.api.problems import CONTENT_TYPE, problem
from trustengine.api.throttles import READS
from trustengine.errors import DomainError, NotFound, PermissionDenied, RateLimitExceeded, ReadOnlyMode, TryAgain

Target = TypeVar("Target", bound=Callable[..., Any])

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Sent again with the same body within {hours} hours, the first success is replayed and nothing happens twice."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "018f6d1e-5b1a-7c52-9d0e-6f1f1f0c2a11",
}

IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an answer that the caller has.",
    "schema": {"type": "string"},
}
ETAG = {"description": "Names this answer.", "schema": {"type": "string"}}
CACHE_CONTROL = {"description": "`public` without a token, `private` with one.", "schema": {"type": "string"}}


class Refusal(NamedTuple):
    """One way in which an operation is refused."""

    status: int
    code: str
    message: str


INVALID_INPUT = Refusal(400, "INVALID_INPUT", "The input is not valid.")
AUTH_REQUIRED = Refusal(401, "AUTH_REQUIRED", "Authentication credentials were not provided.")
TOKEN_INVALID = Refusal(401, "TOKEN_INVALID", "The token is not valid.")
NOT_ACCEPTABLE = Refusal(406, "NOT_ACCEPTABLE", "Could not satisfy the request Accept header.")
TOO_LARGE = Refusal(413, "FILE_TOO_LARGE", "The body of the request is too large.")
WRONG_TYPE = Refusal(415, "FILE_TYPE_NOT_ALLOWED", "Unsupported media type “text/plain” in request.")


class FieldProblem(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()
    code = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """An error, as RFC 9457 has it. ``code`` is stable."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]
    request_id = serializers.CharField(required=False)


def raises(*errors: type[DomainError]) -> Callable[[Target], Target]:
    """Declare what a view's method, or all of a view, may refuse beyond what any view of its kind does."""

    def declare(target: Target) -> Target:
        target.refusals = tuple(Refusal(error.status, error.code, error.message) for error in errors)  # type: ignore[attr-defined]
        return target

    return declare


def example(value: Any, *, media_type: str = "application/json") -> Callable[[Target], Target]:
    """Give a serializer an example, for every operation that takes or answers it."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value=value, media_type=media_type)])


def examples(by_status: Mapping[int, Any]) -> Callable[[Target], Target]:
    """Give a serializer an example for each status that it is answered with."""
    shown = [OpenApiExample("Example", value=value, status_codes=[str(status)]) for status, value in by_status.items()]
    return extend_schema_serializer(examples=shown)


class Schema(AutoSchema):
    """Adds to an operation what follows from its view."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self._takes_key:
            parameter = IDEMPOTENCY_KEY | {
                "description": str(IDEMPOTENCY_KEY["description"]).format(hours=settings.IDEMPOTENCY_HOURS)
            }
            operation.setdefault("parameters", []).append(parameter)
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    answer["headers"] = {REPLAYED: {"description": "`true` on a replay.", "schema": {"type": "string"}}}
        if isinstance(self.view, PublicRead) and self.method == "GET":
            operation["parameters"] = [*operation.get("parameters", []), IF_NONE_MATCH]
            operation["responses"]["200"]["headers"] = {"ETag": ETAG, "Cache-Control": CACHE_CONTROL}
            operation["responses"]["304"] = {
                "description": "The caller has this answer already",
                "headers": {"ETag": ETAG},
            }
        refusals: dict[int, dict[str, Refusal]] = {}
        for refusal in self._refusals(operation):
            refusals.setdefault(refusal.status, {})[refusal.code] = refusal
        for number, ways in sorted(refusals.items()):
            operation["responses"][str(number)] = self._refused(number, ways.values())
        return operation

    def get_summary(self) -> str:
        return self.get_description().partition("\n")[0].rstrip(".")

    def get_tags(self) -> list[str]:
        config = apps.get_containing_app_config(type(self.view).__module__)
        assert config is not None
        return [str(config.verbose_name)]

    @property
    def _takes_key(self) -> bool:
        """Where nobody can be signed in, there is nobody for a key to belong to."""
        return (
            self.method in UNSAFE_METHODS
            and isinstance(self.view, Idempotent)
            and bool(self.view.authentication_classes)
        )

    def _refusals(self, operation: dict[str, Any]) -> Iterator[Refusal]:
        permissions = {type(permission) for permission in self.view.get_permissions()}
        has_body = "requestBody" in operation or self._takes_key
        yield from getattr(self.view, "refusals", ())
        yield from getattr(getattr(self.view, self.method.lower()), "refusals", ())
        if has_body or any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
            yield INVALID_INPUT
        if self.view.authentication_classes:
            yield TOKEN_INVALID
            if AllowAny not in permissions:
                yield AUTH_REQUIRED
        if permissions - {AllowAny, IsAuthenticated}:
            yield _of(PermissionDenied)
        if "{" in self.path:
            yield _of(NotFound)
        yield NOT_ACCEPTABLE
        if self._takes_key:
            yield from (_of(IdempotencyInProgress), _of(IdempotencyKeyReused))
        if has_body:
            yield from (TOO_LARGE, WRONG_TYPE)
        if self._is_limited(AllowAny in permissions):
            yield _of(RateLimitExceeded)
        yield _of(TryAgain)
        if self.method in UNSAFE_METHODS or self.view.authentication_classes:
            yield _of(ReadOnlyMode)  # reading, too, cannot be answered to a newcomer, whom it would have to write down

    def _is_limited(self, open_to_all: bool) -> bool:
        if self.method in UNSAFE_METHODS:
            return any(throttle not in READS for throttle in self.view.throttle_classes)
        return open_to_all or bool(self.view.authentication_classes)

    def _refused(self, status: int, ways: Iterable[Refusal]) -> dict[str, Any]:
        component = self.resolve_serializer(Problem(), "response")
        examples = {}
        for way in ways:
            members: dict[str, Any] = {"request_id": "018f6d1e-5b1a-7c52-9d0e-6f1f1f0c2a11"}
            if way is INVALID_INPUT:
                members["errors"] = [{"field": "rating", "message": "This field is required.", "code": "required"}]
            examples[way.code] = {"value": {**problem(way.status, way.code, way.message), **members}}
        answer: dict[str, Any] = {
            "description": f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{code}`" for code in examples),
            "content": {CONTENT_TYPE: {"schema": component.ref, "examples": examples}},
        }
        if status in {429, 503}:
            wait = {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}
            answer["headers"] = {"Retry-After": wait}
        return answer


@cache
def parameters_of(view: type[APIView]) -> frozenset[str]:
    """The query parameters that the document names for reading from a view."""
    # The generator holds the schemas of its views, which refer to them weakly.
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    described = generator.create_view(view.as_view(), "GET")  # type: ignore[no-untyped-call]
    described.request = build_mock_request("GET", "/", described, None)  # type: ignore[no-untyped-call]
    operation = described.schema.get_operation("/", "/", "", "GET", ComponentRegistry())
    return frozenset(each["name"] for each in (operation or {}).get("parameters", []) if each["in"] == "query")


def _of(error: type[DomainError]) -> Refusal:
    return Refusal(error.status, error.code, error.message)
