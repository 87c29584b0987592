"""Dashboards as JSON, and as files to take away."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics import examples as shown
from metrics.access import SEE_ALL, require_permission, vendor_for
from metrics.periods import MOST_DAYS, PATTERN, asked_period
from metrics.queries import Dashboard, staff_dashboard, vendor_dashboard
from metrics.serializers import CURRENCY, DashboardQuestion, StaffDashboardOutput, VendorDashboardOutput
from metrics.spreadsheets import export
from orders.currencies import CODES
from trustengine.accounts.callers import caller
from trustengine.accounts.models import Profile
from trustengine.api.schema import raises
from trustengine.errors import AccountSuspended, InvalidInput, NotFound, PermissionDenied

DAY_SCHEMA = {"type": "string", "format": "date", "pattern": PATTERN}
DAYS = [
    OpenApiParameter(
        "from",
        DAY_SCHEMA,
        description=f"The first day; 29 before the last where absent. At most {MOST_DAYS} days in all.",
    ),
    OpenApiParameter(
        "to", DAY_SCHEMA, description="The last day, included; today, where the marketplace is, if absent."
    ),
]
CURRENCY_ASKED = OpenApiParameter(
    "currency",
    {"type": "string", "pattern": CURRENCY},
    description="The marketplace's own where absent; if nothing was sold in it, the one with the most GMV.",
)
PROFILE = OpenApiParameter(
    "profile", OpenApiTypes.UUID, description="The vendor; needed only by members of several vendors."
)
AS = OpenApiParameter("as", {"type": "string", "enum": ["csv", "json"], "default": "csv"}, description="Of which kind.")
_CSV = {
    (200, "text/csv"): OpenApiResponse(
        OpenApiTypes.STR,
        "A line for each day",
        examples=[OpenApiExample("Example", value=shown.CSV, media_type="text/csv")],
    )
}


class AsAsked(BaseContentNegotiation):
    """For files: the query says what is wanted, whatever a client says that it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class VendorDashboardView(APIView):
    """What a vendor of the caller's sold, and how it was reviewed."""

    @raises(InvalidInput, NotFound, AccountSuspended)
    @extend_schema(
        operation_id="vendor_dashboard",
        parameters=[*DAYS, CURRENCY_ASKED, PROFILE],
        responses=VendorDashboardOutput,
    )
    def get(self, request: Request) -> Response:
        """Read a vendor's figures, day by day."""
        vendor, dashboard = _of_vendor(request)
        return Response(VendorDashboardOutput(dashboard, context={"vendor": vendor}).data)


class VendorDashboardExport(APIView):
    """A vendor's figures as a file."""

    content_negotiation_class = AsAsked

    @raises(InvalidInput, NotFound, AccountSuspended)
    @extend_schema(
        operation_id="vendor_dashboard_export",
        parameters=[*DAYS, CURRENCY_ASKED, PROFILE, AS],
        responses={**_CSV, (200, "application/json"): VendorDashboardOutput},
    )
    def get(self, request: Request) -> HttpResponse:
        """Take a vendor's figures away, as CSV or JSON."""
        vendor, dashboard = _of_vendor(request)
        output = VendorDashboardOutput(dashboard, context={"vendor": vendor}).data
        return export(dashboard, output, request.query_params.get("as") or "csv", whose=str(vendor))


class StaffDashboardView(APIView):
    """What the whole marketplace sold, and how it was reviewed."""

    @raises(InvalidInput, PermissionDenied)
    @extend_schema(operation_id="staff_dashboard", parameters=[*DAYS, CURRENCY_ASKED], responses=StaffDashboardOutput)
    def get(self, request: Request) -> Response:
        """Read the marketplace's figures, day by day."""
        return Response(StaffDashboardOutput(_of_all(request)).data)


class StaffDashboardExport(APIView):
    """The marketplace's figures as a file."""

    content_negotiation_class = AsAsked

    @raises(InvalidInput, PermissionDenied)
    @extend_schema(
        operation_id="staff_dashboard_export",
        parameters=[*DAYS, CURRENCY_ASKED, AS],
        responses={**_CSV, (200, "application/json"): StaffDashboardOutput},
    )
    def get(self, request: Request) -> HttpResponse:
        """Take the marketplace's figures away, as CSV or JSON."""
        dashboard = _of_all(request)
        kind = request.query_params.get("as") or "csv"
        return export(dashboard, StaffDashboardOutput(dashboard).data, kind)


def _of_vendor(request: Request) -> tuple[Profile, Dashboard]:
    asked = _asked(request)
    vendor = vendor_for(caller(request), asked["profile"])
    return vendor, vendor_dashboard(vendor.pk, asked_period(request.query_params), asked["currency"])


def _of_all(request: Request) -> Dashboard:
    require_permission(caller(request), SEE_ALL)
    return staff_dashboard(asked_period(request.query_params), _asked(request)["currency"])


def _asked(request: Request) -> dict[str, Any]:
    query = request.query_params
    asked = DashboardQuestion(data={"currency": query.get("currency", ""), "profile": query.get("profile") or None})
    asked.is_valid(raise_exception=True)
    given: dict[str, Any] = asked.validated_data
    if given["currency"] and given["currency"] not in CODES:
        raise InvalidInput(fields={"currency": "No currency has this code."})
    return given
