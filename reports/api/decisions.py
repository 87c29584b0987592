"""Decisions that were taken, appeals against them, second approvals and looks back."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.api.access import IsModerator
from reports.desk import with_decision, with_words
from reports.errors import CaseChanged, CaseClaimed, ConflictOfInterest
from reports.filters import AppealFilter, DecisionFilter, ProposalFilter
from reports.models import Appeal, Case, Decision, Proposal
from reports.serializers.decisions import (
    AppealOutput,
    DecisionOutput,
    LookBackInput,
    LookBackOutput,
    ProposalOutput,
    RulingInput,
)
from reports.services.appeals import rule
from reports.services.deciding import undo
from reports.services.looking_back import look_back, undo_look_back
from reports.services.proposals import approve_proposal, refuse_proposal
from trustengine.accounts.callers import caller, viewer
from trustengine.api.schema import raises
from trustengine.errors import InvalidTransition, NotFound


class Shown(generics.GenericAPIView[Any]):
    """Serializers know who looks, and so which names they may know."""

    def get_serializer_context(self) -> dict[str, Any]:
        return {"viewer": viewer(self.request)}


class DecisionList(Shown, generics.ListAPIView[Any]):
    """Decisions, the latest first."""

    permission_classes = [IsModerator]
    serializer_class = DecisionOutput
    filter_backends = [DjangoFilterBackend]
    filterset_class = DecisionFilter

    def get_queryset(self) -> QuerySet[Decision]:
        return with_words(Decision.objects.all()).order_by("-created_at", "-pk")


class DecisionUndo(APIView):
    """Taking a decision back."""

    permission_classes = [IsModerator]

    @raises(CaseClaimed, CaseChanged, ConflictOfInterest, InvalidTransition)
    @extend_schema(
        operation_id="moderation_decisions_undo",
        request=None,
        responses={201: DecisionOutput, 202: OpenApiResponse(ProposalOutput, "A second person has to approve it")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Undo a decision while its notices have not left: everything is as it was before.

        What two people decided becomes a proposal, which a second person approves in the same time.
        """
        undone = undo(pk, moderator=caller(request))
        context = {"viewer": caller(request)}
        if isinstance(undone, Decision):
            return Response(DecisionOutput(undone, context=context).data, status=201)
        return Response(ProposalOutput(undone, context=context).data, status=202)


class AppealList(Shown, generics.ListAPIView[Any]):
    """Appeals, the oldest first."""

    permission_classes = [IsModerator]
    serializer_class = AppealOutput
    filter_backends = [DjangoFilterBackend]
    filterset_class = AppealFilter

    def get_queryset(self) -> QuerySet[Appeal]:
        return with_decision(Appeal.objects.all()).order_by("created_at", "pk")


class AppealRuling(APIView):
    """Ruling on an appeal."""

    permission_classes = [IsModerator]

    @raises(CaseChanged, ConflictOfInterest, InvalidTransition)
    @extend_schema(
        operation_id="moderation_appeals_rule",
        request=RulingInput,
        responses={200: AppealOutput, 202: OpenApiResponse(ProposalOutput, "A second person has to approve it")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Uphold or overturn a decision of somebody else's. Overturning what two people decided takes two."""
        given = RulingInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        made = rule(pk, moderator=caller(request), ruling=data["ruling"], text=data.get("text") or "")
        if isinstance(made, Proposal):
            return Response(ProposalOutput(made, context={"viewer": caller(request)}).data, status=202)
        ruled = with_decision(Appeal.objects.all()).get(pk=pk)
        return Response(AppealOutput(ruled, context={"viewer": caller(request)}).data)


class ProposalList(Shown, generics.ListAPIView[Any]):
    """Decisions that need, or needed, a second person, the oldest first."""

    permission_classes = [IsModerator]
    serializer_class = ProposalOutput
    filter_backends = [DjangoFilterBackend]
    filterset_class = ProposalFilter

    def get_queryset(self) -> QuerySet[Proposal]:
        return Proposal.objects.select_related("proposed_by").order_by("created_at", "pk")


class ProposalApproval(APIView):
    """Approving a proposal."""

    permission_classes = [IsModerator]

    @raises(CaseChanged, ConflictOfInterest, InvalidTransition)
    @extend_schema(operation_id="moderation_proposals_approve", request=None, responses={201: DecisionOutput})
    def post(self, request: Request, pk: UUID) -> Response:
        """Carry out what somebody else has proposed."""
        decision = approve_proposal(pk, approver=caller(request))
        return Response(DecisionOutput(decision, context={"viewer": caller(request)}).data, status=201)


class ProposalRefusal(APIView):
    """Refusing a proposal."""

    permission_classes = [IsModerator]

    @raises(ConflictOfInterest, InvalidTransition)
    @extend_schema(operation_id="moderation_proposals_refuse", request=None, responses=ProposalOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Say no to a proposal, or withdraw one's own."""
        proposal = refuse_proposal(pk, approver=caller(request))
        return Response(ProposalOutput(proposal, context={"viewer": caller(request)}).data)


class AuthorLookBack(APIView):
    """Looking back at an author, for those who know their id."""

    permission_classes = [IsModerator]

    @raises(ConflictOfInterest, InvalidTransition)
    @extend_schema(operation_id="moderation_authors_look_back", request=LookBackInput, responses={202: LookBackOutput})
    def post(self, request: Request, pk: UUID) -> Response:
        """Have every public review of an author looked at again, by jobs."""
        given = LookBackInput(data=request.data)
        given.is_valid(raise_exception=True)
        viewer = caller(request)
        started = look_back(pk, moderator=viewer, reason=given.validated_data["reason"])
        return Response(LookBackOutput(started, context={"viewer": viewer}).data, status=202)


class CaseLookBack(APIView):
    """Looking back at the author of a case, without knowing who it is."""

    permission_classes = [IsModerator]

    @raises(ConflictOfInterest, InvalidTransition)
    @extend_schema(operation_id="moderation_cases_look_back", request=LookBackInput, responses={202: LookBackOutput})
    def post(self, request: Request, pk: UUID) -> Response:
        """Have every public review of a case's author looked at again, by jobs."""
        given = LookBackInput(data=request.data)
        given.is_valid(raise_exception=True)
        case = Case.objects.filter(pk=pk, author__isnull=False).first()
        if case is None or case.author_id is None:
            raise NotFound
        viewer = caller(request)
        started = look_back(case.author_id, moderator=viewer, reason=given.validated_data["reason"])
        return Response(LookBackOutput(started, context={"viewer": viewer}).data, status=202)


class LookBackUndo(APIView):
    """Taking a look back, as one step."""

    permission_classes = [IsModerator]

    @raises(ConflictOfInterest)
    @extend_schema(operation_id="moderation_look_backs_undo", request=None, responses=LookBackOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Take the cases that a look back opened, and that nobody has decided, off the desk again."""
        viewer = caller(request)
        return Response(LookBackOutput(undo_look_back(pk, moderator=viewer), context={"viewer": viewer}).data)
