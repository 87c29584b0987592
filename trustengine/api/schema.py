"""OpenAPI: every operation documents its problem answers."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


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


class Schema(AutoSchema):
    """Adds the answers that any operation may give: 4xx and 503 problems."""

    STATUSES = (
        "400",
        "401",
        "403",
        "404",
        "405",
        "406",
        "409",
        "410",
        "413",
        "415",
        "429",
        "503",
    )

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            component = self.resolve_serializer(Problem(), "response")
            content = {"application/problem+json": {"schema": component.ref}}
            for status in self.STATUSES:
                operation["responses"].setdefault(status, {"description": "Problem", "content": content})
        return operation
