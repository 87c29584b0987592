"""Public counts of moderation."""

import re
from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from reports.serializers.transparency import TransparencyOutput
from reports.transparency import month_of, transparency
from trustengine.api.caching import PublicRead
from trustengine.api.schema import raises
from trustengine.api.throttles import AnonymousReads
from trustengine.database_time import database_today
from trustengine.errors import InvalidInput, RateLimitExceeded

MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)
MOST_MONTHS = 60
MONTHS_SHOWN = 12
SCHEMA = {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"}


class Transparency(PublicRead):
    """How moderation went, month by month."""

    permission_classes = [AllowAny]
    throttle_classes = [AnonymousReads]

    @raises(RateLimitExceeded)
    @extend_schema(
        parameters=[
            OpenApiParameter("from", SCHEMA, description="The first month; eleven before the last where absent."),
            OpenApiParameter("to", SCHEMA, description="The last month; the present one where absent."),
        ],
        responses=TransparencyOutput,
    )
    def get(self, request: Request) -> Response:
        """Read the counts of decisions, reports and appeals."""
        last = _month(request, "to") or month_of(database_today())
        first = _month(request, "from") or month_of(last, MONTHS_SHOWN - 1)
        if not first <= last <= month_of(first, 1 - MOST_MONTHS):
            raise InvalidInput(fields={"from": f"At most {MOST_MONTHS} months, the first before the last."})
        return Response(TransparencyOutput(transparency(first, last)).data)


def _month(request: Request, name: str) -> date | None:
    given: Any = request.query_params.get(name)
    if given is None or given == "":
        return None
    matched = MONTH.fullmatch(given)
    if matched is None:
        raise InvalidInput(fields={name: "A month, such as 2026-05."})
    return date(int(matched[1]), int(matched[2]), 1)
