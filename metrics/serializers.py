"""The shapes of dashboards. Money is in cents of the ``currency`` beside it."""

from typing import Any

from rest_framework import serializers

from metrics import examples as shown
from trustengine.api.schema import example

CURRENCY = r"^[A-Z]{3}$"


class FiguresOutput(serializers.Serializer[Any]):
    orders = serializers.IntegerField(help_text="Counted: confirmed, shipped, delivered.")
    units = serializers.IntegerField()
    gmv_cents = serializers.IntegerField(help_text="Quantity by unit price of items that were not cancelled.")
    refunds_cents = serializers.IntegerField(
        help_text="Given back on counted orders. An order refunded as a whole counts neither in GMV nor here."
    )
    platform_fees_cents = serializers.IntegerField()
    pending_payout_cents = serializers.IntegerField(help_text="GMV less refunds and fees.")
    reviews = serializers.IntegerField(help_text="Counted ones, written in this time.")
    average_rating = serializers.FloatField(allow_null=True)
    distribution = serializers.DictField(child=serializers.IntegerField(), help_text="Reviews by their stars.")
    average_order_value_cents = serializers.IntegerField(allow_null=True)
    placed_items = serializers.IntegerField(help_text="Of all orders, whatever became of them.")
    cancelled_items = serializers.IntegerField()
    refunded_items = serializers.IntegerField(
        help_text="In full, and not cancelled; also of orders refunded as a whole."
    )
    delivered_items = serializers.IntegerField()
    cancellation_rate = serializers.FloatField(allow_null=True, help_text="Cancelled items of all placed.")
    refund_rate = serializers.FloatField(allow_null=True, help_text="Refunded items of those not cancelled.")
    average_delivery_seconds = serializers.IntegerField(allow_null=True, help_text="From placement to delivery.")


class DayOutput(FiguresOutput):
    day = serializers.DateField()

    def get_fields(self) -> Any:
        fields = super().get_fields()
        return {"day": fields.pop("day"), **fields}


class TopOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    orders = serializers.IntegerField()
    units = serializers.IntegerField()
    gmv_cents = serializers.IntegerField()


class DashboardOutput(serializers.Serializer[Any]):
    currency = serializers.CharField()
    currencies = serializers.ListField(
        child=serializers.CharField(), help_text="In which there were orders, now or in the period before."
    )
    to = serializers.DateField(source="period.last")
    is_partial = serializers.BooleanField(source="period.is_partial", help_text="The present day is one of them.")
    fresh_at = serializers.DateTimeField(
        allow_null=True, help_text="When the newest of these numbers was made from the facts."
    )
    totals = FiguresOutput()
    previous = FiguresOutput(help_text="Of as many days, just before.")
    series = DayOutput(many=True, help_text="Every day, also those without an order.")
    top_products = TopOutput(
        many=True, allow_null=True, help_text="By GMV; null over all vendors for more than 92 days."
    )

    def get_fields(self) -> Any:
        return {"from": serializers.DateField(source="period.first"), **super().get_fields()}  # a word of the language


@example(shown.VENDOR_DASHBOARD)
class VendorDashboardOutput(DashboardOutput):
    """One vendor's figures."""

    profile = serializers.SerializerMethodField()

    def get_profile(self, dashboard: Any) -> str:
        return str(self.context["vendor"].pk)


@example(shown.STAFF_DASHBOARD)
class StaffDashboardOutput(DashboardOutput):
    """The marketplace's figures."""

    top_vendors = TopOutput(many=True, help_text="By GMV.")


class DashboardQuestion(serializers.Serializer[Any]):
    """What else a dashboard is asked by; ``metrics.periods`` reads the days."""

    currency = serializers.RegexField(CURRENCY, required=False, allow_blank=True, default="")
    profile = serializers.UUIDField(required=False, allow_null=True, default=None)


@example(shown.PAGE_VIEWS)
class ViewsInput(serializers.Serializer[Any]):
    """How often pages with reviews were seen on one day."""

    day = serializers.DateField()
    views = serializers.IntegerField(min_value=0, max_value=10**15)


@example(shown.PAGE_VIEWS)
class ViewsOutput(serializers.Serializer[Any]):
    day = serializers.DateField()
    views = serializers.IntegerField()


class StateCount(serializers.Serializer[Any]):
    state = serializers.CharField()
    count = serializers.IntegerField()


class DailyVerdicts(serializers.Serializer[Any]):
    day = serializers.DateField()
    verdict = serializers.CharField()
    count = serializers.IntegerField()


class SignalCount(serializers.Serializer[Any]):
    signal = serializers.CharField()
    count = serializers.IntegerField()


class QueueAge(serializers.Serializer[Any]):
    queue = serializers.CharField()
    open = serializers.IntegerField()
    overdue = serializers.IntegerField()
    oldest_at = serializers.DateTimeField(allow_null=True)


class DecisionCount(serializers.Serializer[Any]):
    action = serializers.CharField()
    reason = serializers.CharField()
    automated = serializers.BooleanField()
    count = serializers.IntegerField()


class DecisionTimes(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    median = serializers.IntegerField(allow_null=True)
    p90 = serializers.IntegerField(allow_null=True)


class AppealCounts(serializers.Serializer[Any]):
    received = serializers.IntegerField()
    pending = serializers.IntegerField(help_text="At present, whenever made.")
    upheld = serializers.IntegerField()
    overturned = serializers.IntegerField()
    overturned_rate = serializers.FloatField(allow_null=True, help_text="Of those ruled on.")


class ReportRate(serializers.Serializer[Any]):
    received = serializers.IntegerField()
    views = serializers.IntegerField(allow_null=True)
    per_1000_views = serializers.FloatField(
        allow_null=True, help_text="Of the days whose views are known; null where none is."
    )


@example(shown.TRUST)
class TrustOutput(serializers.Serializer[Any]):
    """How reviews are screened and moderated. ``reviews`` and ``queues`` are of this moment."""

    to = serializers.DateField()
    reviews = StateCount(many=True)
    screenings = DailyVerdicts(many=True)
    signals = SignalCount(many=True)
    queues = QueueAge(many=True)
    decisions = DecisionCount(many=True)
    decision_seconds = DecisionTimes(help_text="From the opening of a case to its decision by a person.")
    appeals = AppealCounts()
    reports = ReportRate()

    def get_fields(self) -> Any:
        return {"from": serializers.DateField(), **super().get_fields()}
