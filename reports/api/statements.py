"""What authors and reporters are told of decisions, and their appeals."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.errors import AlreadyAppealed, AppealWindowClosed
from reports.filters import OwnDecisionFilter
from reports.models import StatementOfReasons
from reports.serializers.statements import AppealInput, OwnAppealOutput, OwnDecisionOutput
from reports.services.appeals import appeal
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.errors import InvalidTransition


class MyDecisions(generics.ListAPIView[StatementOfReasons]):
    """Decisions that concern the caller, with their reasons. They stand here once they cannot be undone any more."""

    unmetered = ("GET",)

    serializer_class = OwnDecisionOutput
    filterset_class = OwnDecisionFilter

    def get_queryset(self) -> QuerySet[StatementOfReasons]:
        if getattr(self, "swagger_fake_view", False):
            return StatementOfReasons.objects.none()
        own = StatementOfReasons.objects.filter(recipient=caller(self.request))
        related = own.select_related("decision__reason", "decision__superseded_by")
        return related.prefetch_related("decision__appeals").order_by("-created_at", "-pk")


class DecisionAppeal(APIView):
    """An appeal against a decision."""

    unmetered = ("POST",)

    @raises(AlreadyAppealed, AppealWindowClosed, InvalidTransition)
    @extend_schema(request=AppealInput, responses={201: OwnAppealOutput})
    def post(self, request: Request, pk: UUID) -> Response:
        """Appeal against a decision, once. Suspended users may."""
        given = AppealInput(data=request.data)
        given.is_valid(raise_exception=True)
        made = appeal(pk, appellant=caller(request), text=given.validated_data["text"])
        return Response(OwnAppealOutput(made).data, status=201)
