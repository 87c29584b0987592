"""Pages by keyset: the next page begins after the last row seen, by value and id.

Unlike an offset it costs the same at any depth, and unlike DRF's cursor it holds
through thousands of equal values, because the id makes every position unique.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from trustengine.errors import InvalidInput


class KeysetPagination(BasePagination):
    """``{"next", "previous", "results"}``. The queryset must be ordered by fields that are never null."""

    page_size = 20
    max_page_size = 100

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.url = request.build_absolute_uri()
        size = self._size(request)
        order = _complete(queryset.query.order_by or queryset.model._meta.ordering or ["pk"])
        backwards, position = _decode(request.query_params.get("cursor"), order, queryset)
        direction = [_reverse(name) for name in order] if backwards else order
        rows = queryset.order_by(*direction)
        if position is not None:
            rows = rows.filter(_after(direction, position))
        found = list(rows[: size + 1])
        more, page = len(found) > size, found[:size]
        if backwards:
            page.reverse()
        has_next = backwards or more
        has_previous = more if backwards else position is not None
        self.next_url = self._link(page[-1], order, backwards=False) if page and has_next else None
        self.previous_url = self._link(page[0], order, backwards=True) if page and has_previous else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next_url, "previous": self.previous_url, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        another = "https://trust.example/api/v1/products/?cursor=WzAsIjIwMjYtMDUtMTciXQ"
        properties = {
            "next": link | {"example": another},
            "previous": link | {"example": None},
            "results": schema,
        }
        return {
            "type": "object",
            "required": list(properties),
            "properties": properties,
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where a page begins; taken from `next` or `previous`.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": self.max_page_size,
                    "default": self.page_size,
                },
            },
        ]

    def _size(self, request: Request) -> int:
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdecimal() and len(given) < 10 and int(given) > 0):
            raise InvalidInput(fields={"page_size": "A whole number of at least 1."})
        return min(int(given), self.max_page_size)

    def _link(self, row: Any, order: Sequence[str], *, backwards: bool) -> str:
        cursor = _encode(backwards, [_value(row, name.lstrip("-")) for name in order])
        return replace_query_param(remove_query_param(self.url, "cursor"), "cursor", cursor)


def _complete(order: Sequence[Any]) -> list[str]:
    """The order with the primary key as its last, deciding part."""
    names = [str(name) for name in order]
    if names[-1].lstrip("-") not in {"pk", "id"}:
        names.append("-pk" if names[-1].startswith("-") else "pk")
    return names


def _reverse(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _after(order: Sequence[str], position: Sequence[Any]) -> Q:
    """Rows that come after a position: (a, b) > (x, y), written out for mixed directions."""
    condition, equal = Q(), Q()
    for name, value in zip(order, position, strict=True):
        field, operator = name.lstrip("-"), "lt" if name.startswith("-") else "gt"
        condition |= equal & Q(**{f"{field}__{operator}": value})
        equal &= Q(**{field: value})
    return condition


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _encode(backwards: bool, values: list[Any]) -> str:
    # datetimes in full: the encoder of Django cuts microseconds, and rows would be skipped
    plain = [value.isoformat() if isinstance(value, datetime | date) else value for value in values]
    text = json.dumps([int(backwards), *plain], cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str | None, order: Sequence[str], queryset: QuerySet[Any]) -> tuple[bool, list[Any] | None]:
    if not cursor:
        return False, None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        backwards, *values = json.loads(text)
        if len(values) != len(order) or backwards not in (0, 1) or None in values or b"\\u0000" in text:
            raise ValueError(cursor)
        fields = [_field(queryset, name.lstrip("-")) for name in order]
        return bool(backwards), [_parsed(field, value) for field, value in zip(fields, values, strict=True)]
    except (
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        binascii.Error,
        ValidationError,
    ) as error:
        raise InvalidInput(fields={"cursor": "Not a cursor of this list."}) from error


def _parsed(field: Any, value: Any) -> Any:
    if isinstance(value, bool | list | dict):
        raise ValueError(value)
    if isinstance(value, str):
        value.encode()  # JSON can spell half a character, which no database takes
    parsed = field.to_python(value)
    if isinstance(parsed, datetime) and parsed.tzinfo is None:
        raise ValueError(value)
    if isinstance(field, models.IntegerField):
        low, high = -(2**63), 2**63 - 1
        if not low <= parsed <= high:
            raise ValueError(value)
    return parsed


def _field(queryset: QuerySet[Any], name: str) -> Any:
    if name in queryset.query.annotations:
        return queryset.query.annotations[name].output_field
    model, field = queryset.model, None
    for part in name.split("__"):
        try:
            field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        except FieldDoesNotExist as error:
            raise ValueError(name) from error
        model = field.related_model or model
    return field
