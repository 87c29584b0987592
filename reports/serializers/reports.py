from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports import examples as shown
from reports.models import ContentType, Evidence, Report
from reviews.serializers import LongText
from trustengine.api.schema import example, examples

OUTCOMES = {
    Report.Status.PENDING: None,
    Report.Status.ACTIONED: "We have looked at it and have taken action.",
    Report.Status.DISMISSED: "We have looked at it and found nothing against our rules.",
    Report.Status.MOOT: "Its author took it back before we had looked at it, so nothing was decided.",
    Report.Status.WITHDRAWN: None,
}


@example(shown.REPORT_INPUT)
class ReportInput(serializers.Serializer[Any]):
    """What is wrong with which content."""

    content_type = serializers.ChoiceField(ContentType.choices)
    content_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=40, help_text="A code of the catalogue, such as `spam`.")
    description = LongText(2_000)


@example(shown.RECEIPT)
class ReceiptOutput(serializers.ModelSerializer[Report]):
    """That a report has been taken."""

    class Meta:
        model = Report
        fields = ["id", "content_type", "content_id", "reason", "status", "created_at"]


@examples(dict.fromkeys((200, 201), shown.EVIDENCE))
class EvidenceOutput(serializers.ModelSerializer[Evidence]):
    """A file as it was measured here."""

    class Meta:
        model = Evidence
        fields = ["id", "kind", "content_type", "byte_count", "page_count", "created_at"]


@example(shown.EVIDENCE_INPUT, media_type="multipart/form-data")
class EvidenceInput(serializers.Serializer[Any]):
    file = serializers.FileField()


@example(shown.OWN_REPORT)
class OwnReportOutput(serializers.ModelSerializer[Report]):
    """One's own report and what became of it. ``decision`` may be appealed against."""

    outcome = serializers.SerializerMethodField()
    decision = serializers.UUIDField(allow_null=True)
    evidence = EvidenceOutput(many=True)

    class Meta:
        model = Report
        fields = [
            "id",
            "content_type",
            "content_id",
            "reason",
            "description",
            "status",
            "outcome",
            "decision",
            "reviewed_at",
            "evidence",
            "created_at",
        ]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_outcome(self, report: Report) -> str | None:
        return OUTCOMES[Report.Status(report.status)]
