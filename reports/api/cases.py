"""The moderators' cases: listed by how pressing they are, claimed, decided."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.api.access import IsModerator
from reports.desk import in_full, on_desk
from reports.errors import CaseChanged, CaseClaimed, ConflictOfInterest
from reports.filters import CaseFilter
from reports.models import Case, Decision
from reports.serializers.cases import CaseDetailOutput, CaseOutput, NextInput
from reports.serializers.decisions import DecisionInput, DecisionOutput, ProposalOutput
from reports.services.claiming import claim_case, claim_next, release_case
from reports.services.deciding import decide
from trustengine.accounts.callers import caller
from trustengine.api.ordering import NamedOrdering
from trustengine.api.schema import raises
from trustengine.errors import InvalidTransition


def cases() -> QuerySet[Case]:
    return Case.objects.select_related("claimed_by", "author__reputation")


class CaseList(generics.ListAPIView[Case]):
    """Cases, the most pressing first."""

    permission_classes = [IsModerator]
    serializer_class = CaseOutput
    filter_backends = [DjangoFilterBackend, NamedOrdering]
    filterset_class = CaseFilter
    orderings = {
        "priority": ("-pressure", "pk"),
        "-priority": ("-pressure", "pk"),
        "-opened_at": ("-opened_at", "-pk"),
        "due_at": ("due_at", "pk"),
    }

    def get_queryset(self) -> QuerySet[Case]:
        return cases()

    def paginate_queryset(self, queryset: Any) -> Any:
        return on_desk(super().paginate_queryset(queryset) or [], viewer=caller(self.request))


class CaseDetail(APIView):
    """One case, open or closed."""

    permission_classes = [IsModerator]

    @extend_schema(responses=CaseDetailOutput)
    def get(self, request: Request, pk: UUID) -> Response:
        """Read a case with all that belongs to it."""
        viewer = caller(request)
        case = get_object_or_404(cases(), pk=pk)
        return Response(CaseDetailOutput(in_full(case, viewer=viewer), context={"viewer": viewer}).data)


class NextCase(APIView):
    """The most pressing case that nobody works on."""

    permission_classes = [IsModerator]

    @extend_schema(
        operation_id="moderation_cases_next",
        request=NextInput,
        responses={200: CaseOutput, 204: OpenApiResponse(description="Nothing is left to do")},
    )
    def post(self, request: Request) -> Response:
        """Claim the most pressing case."""
        given = NextInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        case = claim_next(moderator=caller(request), queue=data.get("queue"), skipping=data.get("skip"))
        return Response(status=204) if case is None else _shown(case, request)


class CaseClaim(APIView):
    """Who works on a case."""

    permission_classes = [IsModerator]

    @raises(CaseClaimed, ConflictOfInterest, InvalidTransition)
    @extend_schema(operation_id="moderation_cases_claim", request=None, responses=CaseOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Claim a case for some minutes, or renew one's claim."""
        return _shown(claim_case(pk, moderator=caller(request)), request)


class CaseRelease(APIView):
    """Giving a case back."""

    permission_classes = [IsModerator]

    @raises(CaseClaimed)
    @extend_schema(operation_id="moderation_cases_release", request=None, responses=CaseOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Give one's claim up."""
        return _shown(release_case(pk, moderator=caller(request)), request)


class CaseDecisions(APIView):
    """Deciding a case."""

    permission_classes = [IsModerator]

    @raises(CaseClaimed, CaseChanged, ConflictOfInterest, InvalidTransition)
    @extend_schema(
        operation_id="moderation_cases_decide",
        request=DecisionInput,
        responses={201: DecisionOutput, 202: OpenApiResponse(ProposalOutput, "A second person has to approve it")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Decide a case at the version that was seen."""
        given = DecisionInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        made = decide(
            pk,
            moderator=caller(request),
            action=data["action"],
            reason_code=data["reason_code"],
            version=data["version"],
            note=data.get("note") or "",
            facts=data.get("facts") or "",
        )
        context = {"viewer": caller(request)}
        if isinstance(made, Decision):
            return Response(DecisionOutput(made, context=context).data, status=201)
        return Response(ProposalOutput(made, context=context).data, status=202)


def _shown(case: Case, request: Request) -> Response:
    found = cases().get(pk=case.pk)
    return Response(CaseOutput(on_desk([found], viewer=caller(request))[0]).data)
