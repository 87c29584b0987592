"""Plans for anybody, subscriptions for those who have them."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.api.access import profile_seen_by
from billing.api.serializers.plans import PlanOutput, ProfileQuery, SubscriptionOutput
from billing.models import PlanVersion
from billing.subscribed import subscription_of
from trustengine.accounts.callers import caller
from trustengine.api.caching import PublicRead
from trustengine.api.schema import raises
from trustengine.errors import NotFound
from trustengine.row_security import seen_by


class PlanList(PublicRead, generics.ListAPIView[PlanVersion]):
    """Plans that are offered, cheapest first."""

    permission_classes = [AllowAny]
    serializer_class = PlanOutput
    filter_backends = []

    def get_queryset(self) -> QuerySet[PlanVersion]:
        offered = PlanVersion.objects.offered().select_related("plan").prefetch_related("meters")
        return offered.order_by("price_cents", "pk")


class SubscriptionView(APIView):
    """Which plan a profile has."""

    unmetered = ("GET",)

    @raises(NotFound)
    @extend_schema(operation_id="billing_subscription", parameters=[ProfileQuery], responses=SubscriptionOutput)
    def get(self, request: Request) -> Response:
        """See a profile's plan, since when it has it, and what it has next."""
        asked = ProfileQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        user = caller(request)
        profile = profile_seen_by(user, asked.validated_data.get("profile"))
        with seen_by(user):
            return Response(SubscriptionOutput(subscription_of(profile)).data)
