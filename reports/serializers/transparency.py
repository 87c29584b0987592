from typing import Any

from rest_framework import serializers

from reports import examples as shown
from reports.models import Action, Appeal, ContentType, StatementOfReasons
from trustengine.api.schema import example


class MonthlyDecisions(serializers.Serializer[Any]):
    month = serializers.CharField()
    content_type = serializers.ChoiceField(ContentType.choices)
    action = serializers.ChoiceField(Action.choices)
    reason = serializers.CharField()
    automated = serializers.BooleanField()
    count = serializers.IntegerField()


class MonthlyReports(serializers.Serializer[Any]):
    month = serializers.CharField()
    content_type = serializers.ChoiceField(ContentType.choices)
    reason = serializers.CharField()
    count = serializers.IntegerField()


class MonthlyAppeals(serializers.Serializer[Any]):
    month = serializers.CharField()
    role = serializers.ChoiceField(StatementOfReasons.Role.choices)
    state = serializers.ChoiceField(Appeal.State.choices)
    count = serializers.IntegerField()


class Totals(serializers.Serializer[Any]):
    decisions = serializers.IntegerField()
    reports = serializers.IntegerField()
    appeals = serializers.IntegerField()


@example(shown.TRANSPARENCY)
class TransparencyOutput(serializers.Serializer[Any]):
    """Counts by month. ``left_out`` counts what stands in rows too small to be told; totals hold everything."""

    to = serializers.CharField()
    decisions = MonthlyDecisions(many=True)
    reports = MonthlyReports(many=True)
    appeals = MonthlyAppeals(many=True)
    left_out = serializers.IntegerField()
    totals = Totals()
    median_seconds_to_decision = serializers.IntegerField(allow_null=True)

    def get_fields(self) -> Any:
        return {"from": serializers.CharField(), **super().get_fields()}  # a word of the language's own
