from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports import examples as shown
from reports.models import Action, Appeal, ContentType, ReasonCode, StatementOfReasons
from reports.services.statements import appeal_address, appealable_until, full_text, is_appealable
from trustengine.api.fields import NormalisedText
from trustengine.api.schema import example
from trustengine.database_time import database_now


@example(shown.APPEAL_INPUT)
class AppealInput(serializers.Serializer[Any]):
    text = NormalisedText(max_length=5_000)


@example(shown.OWN_APPEAL)
class OwnAppealOutput(serializers.ModelSerializer[Appeal]):
    """An appeal as its appellant sees it."""

    class Meta:
        model = Appeal
        fields = ["id", "decision", "state", "text", "ruling_text", "ruled_at", "created_at"]


@example(shown.TEXT_TOLD)
class TextTold(serializers.Serializer[Any]):
    """Which text it is about. ``title`` is that of a review, ``quotation`` how the text begins."""

    product = serializers.UUIDField()
    product_title = serializers.CharField()
    title = serializers.CharField()
    quotation = serializers.CharField()
    written_at = serializers.DateTimeField()


@example(shown.OWN_DECISION)
class OwnDecisionOutput(serializers.ModelSerializer[StatementOfReasons]):
    """A decision as it was told to the caller: the statement of reasons, and what can be done about it."""

    id = serializers.UUIDField(source="decision_id")
    action = serializers.ChoiceField(Action.choices, source="decision.action")
    content_type = serializers.ChoiceField(ContentType.choices, source="decision.content_type")
    content_id = serializers.UUIDField(source="decision.content_id")
    reason_code = serializers.CharField(source="decision.reason_id")
    reason = serializers.CharField(source="decision.reason.label")
    ground = serializers.ChoiceField(ReasonCode.Ground.choices, source="decision.reason.ground")
    automated = serializers.BooleanField(source="decision.automated")
    text = serializers.SerializerMethodField(help_text="The statement, as it was told.")
    content = serializers.SerializerMethodField(help_text="Null once its author has been erased.")
    stands = serializers.SerializerMethodField()
    appealable_until = serializers.SerializerMethodField()
    appeal_url = serializers.SerializerMethodField(help_text="Where to POST {text}; null where there is no appeal.")
    appeal = serializers.SerializerMethodField()
    decided_at = serializers.DateTimeField(source="decision.created_at")
    told_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = StatementOfReasons
        fields = [
            "id",
            "role",
            "action",
            "content_type",
            "content_id",
            "reason_code",
            "reason",
            "ground",
            "text",
            "content",
            "automated",
            "stands",
            "appealable_until",
            "appeal_url",
            "appeal",
            "decided_at",
            "told_at",
        ]

    def get_text(self, statement: StatementOfReasons) -> str:
        return full_text(statement)

    @extend_schema_field(TextTold(allow_null=True))
    def get_content(self, statement: StatementOfReasons) -> dict[str, Any] | None:
        if not statement.about:
            return None
        written_at = datetime.fromisoformat(statement.about["written_at"])
        return TextTold({**statement.about, "written_at": written_at}).data

    def get_stands(self, statement: StatementOfReasons) -> bool:
        """Whether it has not been taken back since."""
        return not hasattr(statement.decision, "superseded_by")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_appealable_until(self, statement: StatementOfReasons) -> datetime | None:
        """Until when an appeal is possible; null where it is not, or not any more."""
        decision = statement.decision
        possible = is_appealable(decision, statement.role)
        until = appealable_until(decision)
        return until if possible and self.get_stands(statement) and until >= database_now() else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_appeal_url(self, statement: StatementOfReasons) -> str | None:
        return appeal_address(statement.decision_id) if self.get_appealable_until(statement) else None

    @extend_schema_field(OwnAppealOutput(allow_null=True))
    def get_appeal(self, statement: StatementOfReasons) -> dict[str, Any] | None:
        own = [each for each in statement.decision.appeals.all() if each.appellant_id == statement.recipient_id]
        return OwnAppealOutput(own[0]).data if own else None
