"""Reporting contents, and what becomes of one's reports."""

from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.errors import QuotaExceeded
from reports.api.access import IsModerator
from reports.errors import AlreadyReported, SelfReportProhibited
from reports.filters import OwnReportFilter
from reports.models import Decision, Report
from reports.serializers.reports import EvidenceInput, EvidenceOutput, OwnReportOutput, ReceiptOutput, ReportInput
from reports.services.evidence import add_evidence
from reports.services.reading_evidence import send_original
from reports.services.reporting import submit_report, withdraw_report
from reviews.errors import FileTooLarge, FileTypeNotAllowed, ReviewNotFound
from trustengine.accounts.callers import caller
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.api.schema import raises
from trustengine.api.throttles import WritesPerUser
from trustengine.database_time import database_now
from trustengine.errors import AccountSuspended, InvalidTransition, NotFound, RateLimitExceeded

ENVELOPE = 65_536  # bytes of a form around its file
EVIDENCE_FILE = {
    (200, "application/pdf"): OpenApiResponse(
        OpenApiTypes.BINARY, "The file", examples=[OpenApiExample("Example", value="…the bytes of a PDF…")]
    ),
    (200, "image/jpeg"): OpenApiResponse(
        OpenApiTypes.BINARY, "The file", examples=[OpenApiExample("Example", value="…the bytes of a JPEG picture…")]
    ),
}


class EvidenceUploads(WritesPerUser):
    """Measuring a stranger's file is work, so the limit holds without Redis too."""

    limit = Limit("evidence", "REPORTS_PER_MINUTE", WithoutRedis.DATABASE)


class EvidenceParser(MultiPartParser):
    """Forms with a file, refused by their announced length before anything of them is read."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles:
        request: Request = (parser_context or {})["request"]
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if length.isdecimal() and int(length) > settings.EVIDENCE_MAX_BYTES + ENVELOPE:
            raise FileTooLarge
        return super().parse(stream, media_type, dict(parser_context or {}))


class ReportCollection(APIView):
    """Where contents are reported."""

    unmetered = ("POST",)

    @raises(NotFound, ReviewNotFound, SelfReportProhibited, AlreadyReported, AccountSuspended, RateLimitExceeded)
    @extend_schema(request=ReportInput, responses={201: ReceiptOutput})
    def post(self, request: Request) -> Response:
        """Report a review, a reply or a product, once."""
        given = ReportInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        report = submit_report(
            reporter=caller(request),
            content_type=data["content_type"],
            content_id=data["content_id"],
            reason=data["reason"],
            description=data.get("description") or "",
        )
        return Response(ReceiptOutput(report).data, status=201)


class MyReports(generics.ListAPIView[Report]):
    """The caller's own reports, and what became of them."""

    unmetered = ("GET",)

    serializer_class = OwnReportOutput
    filterset_class = OwnReportFilter

    def get_queryset(self) -> QuerySet[Report]:
        if getattr(self, "swagger_fake_view", False):
            return Report.objects.none()
        decisions = Decision.objects.filter(
            content_type=OuterRef("content_type"),
            content_id=OuterRef("content_id"),
            created_at=OuterRef("reviewed_at"),
            notice_after__lte=database_now(),
        )
        own = Report.objects.visible_to(caller(self.request)).prefetch_related("evidence")
        return own.annotate(decision=Subquery(decisions.values("pk")[:1])).order_by("-created_at", "-pk")


class ReportDetail(APIView):
    """One's own report."""

    @raises(InvalidTransition)
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Withdraw a report that waits for a decision. It cannot be made again."""
        withdraw_report(pk, reporter=caller(request))
        return Response(status=204)


class ReportEvidence(APIView):
    """The files of one's own report."""

    throttle_classes = [EvidenceUploads]
    parser_classes = [EvidenceParser]

    @raises(FileTooLarge, FileTypeNotAllowed, InvalidTransition, QuotaExceeded, AccountSuspended)
    @extend_schema(
        request=EvidenceInput,
        responses={201: EvidenceOutput, 200: OpenApiResponse(EvidenceOutput, "The report has this file already")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Add a PDF or a picture to a report that waits for a decision. Moderators alone see it."""
        given = EvidenceInput(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["file"]
        evidence, is_new = add_evidence(pk, reporter=caller(request), file=file, size=file.size)
        return Response(EvidenceOutput(evidence).data, status=201 if is_new else 200)


class EvidenceFile(APIView):
    """A file of a report, for moderators. A bucket is redirected to, by an address that works for minutes."""

    permission_classes = [IsModerator]

    @extend_schema(responses=EVIDENCE_FILE)
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """Read a file that a reporter added."""
        return send_original(pk, reader=caller(request), door="api")
