"""Orderings by name: clients choose what they mean, not a column."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from trustengine.errors import InvalidInput


class NamedOrdering(BaseFilterBackend):
    """``?ordering=NAME`` from the view's ``orderings``, a dict of name to fields; the first is the default."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        orderings: dict[str, tuple[str, ...]] = view.orderings
        name = request.query_params.get("ordering") or next(iter(orderings))
        if name not in orderings:
            raise InvalidInput(fields={"ordering": f"One of {', '.join(orderings)}."})
        return queryset.order_by(*orderings[name])

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = list(getattr(view, "orderings", {}))
        schema = {"type": "string", "enum": names, "default": names[0]} if names else {"type": "string"}
        return [{"name": "ordering", "in": "query", "required": False, "schema": schema}]
