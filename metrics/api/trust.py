"""Trust and safety figures, and the views that they are compared with."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics.access import SEE_TRUST, require_permission
from metrics.api.dashboards import DAY_SCHEMA
from metrics.periods import asked_period
from metrics.serializers import TrustOutput, ViewsInput, ViewsOutput
from metrics.traffic import tell_page_views
from metrics.trust import MOST_DAYS, trust
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.errors import InvalidInput, PermissionDenied


class TrustView(APIView):
    """How screening and moderation go."""

    @raises(InvalidInput, PermissionDenied)
    @extend_schema(
        operation_id="staff_trust",
        parameters=[
            OpenApiParameter(
                "from",
                DAY_SCHEMA,
                description=f"The first day; 29 before the last where absent. At most {MOST_DAYS} days in all.",
            ),
            OpenApiParameter("to", DAY_SCHEMA, description="The last day, included; today where absent."),
        ],
        responses=TrustOutput,
    )
    def get(self, request: Request) -> Response:
        """Read how reviews are screened and moderated."""
        require_permission(caller(request), SEE_TRUST)
        return Response(TrustOutput(trust(asked_period(request.query_params, most=MOST_DAYS))).data)


class PageViewsView(APIView):
    """How often pages with reviews were seen."""

    @raises(PermissionDenied)
    @extend_schema(operation_id="staff_views_tell", request=ViewsInput, responses=ViewsOutput)
    def post(self, request: Request) -> Response:
        """Tell a day's views, in place of what was told of it before."""
        given = ViewsInput(data=request.data)
        given.is_valid(raise_exception=True)
        row = tell_page_views(**given.validated_data, actor=caller(request))
        return Response(ViewsOutput(row).data)
