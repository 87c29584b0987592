"""Plans as anybody sees them, and subscriptions as their profile's members do."""

from typing import Any

from rest_framework import serializers

from billing import examples as shown
from billing.meters import CHOICES, METERS
from billing.models import PlanMeter, PlanVersion
from trustengine.api.schema import example


class PlanMeterOutput(serializers.ModelSerializer[PlanMeter]):
    unit = serializers.SerializerMethodField(help_text="What is counted.")

    class Meta:
        model = PlanMeter
        fields = ["meter", "unit", "included", "limit", "kind"]

    def get_unit(self, row: PlanMeter) -> str:
        return METERS[row.meter].unit


@example(shown.PLAN)
class PlanOutput(serializers.ModelSerializer[PlanVersion]):
    """A published version. What is internal has no field here."""

    code = serializers.CharField(source="plan.code")
    name = serializers.CharField(source="plan.name")
    version = serializers.IntegerField(source="number", help_text="Who has an earlier one keeps it.")
    meters = PlanMeterOutput(many=True)

    class Meta:
        model = PlanVersion
        fields = ["code", "name", "version", "description", "price_cents", "currency", "interval", "meters"]


class PlannedChange(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    plan = PlanOutput()


@example(shown.SUBSCRIPTION)
class SubscriptionOutput(serializers.Serializer[Any]):
    profile = serializers.UUIDField()
    plan = PlanOutput()
    since = serializers.DateTimeField(allow_null=True, help_text="Null: the plan of all who have chosen none.")
    change = PlannedChange(allow_null=True, help_text="What holds from the end of the month on, if that is another.")


class ProfileQuery(serializers.Serializer[Any]):
    profile = serializers.UUIDField(
        required=False, help_text="Absent: the one vendor of the caller, else their own as a customer."
    )


class QuotaOutput(serializers.Serializer[Any]):
    meter = serializers.ChoiceField(choices=CHOICES)
    unit = serializers.CharField()
    used = serializers.IntegerField()
    included = serializers.IntegerField(help_text="What the plan's price covers.")
    limit = serializers.IntegerField(allow_null=True)
    kind = serializers.ChoiceField(choices=PlanMeter.Kind.choices, help_text="A hard limit refuses, a soft one warns.")
    percent = serializers.IntegerField(help_text="Of the limit, or without one of what is included; rounded down.")
    resets_at = serializers.DateTimeField()


class PeriodOutput(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


@example(shown.USAGE)
class UsageOutput(serializers.Serializer[Any]):
    profile = serializers.UUIDField()
    period = PeriodOutput()
    meters = QuotaOutput(many=True)
