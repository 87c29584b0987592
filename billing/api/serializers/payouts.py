"""The ledger, payouts and statements as their vendors see them."""

from typing import Any

from rest_framework import serializers

from billing import examples as shown
from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction, Payout, PayoutLine
from billing.statements import LINES
from trustengine.api.schema import example


@example(shown.LEDGER_ENTRY)
class LedgerEntryOutput(serializers.ModelSerializer[LedgerEntry]):
    """An amount on one of the vendor's accounts: positive is owed to the vendor."""

    transaction = serializers.UUIDField(source="transaction_id")
    kind = serializers.ChoiceField(LedgerTransaction.Kind.choices, source="transaction.kind")
    account = serializers.ChoiceField(LedgerAccount.Kind.choices, source="account.kind")
    order = serializers.UUIDField(source="transaction.order_id", allow_null=True)
    item = serializers.UUIDField(source="item_id", allow_null=True)
    balance_after_cents = serializers.SerializerMethodField()
    occurred_at = serializers.DateTimeField(source="transaction.occurred_at")

    class Meta:
        model = LedgerEntry
        fields = [
            "id",
            "transaction",
            "kind",
            "account",
            "order",
            "item",
            "amount_cents",
            "currency",
            "balance_after_cents",
            "occurred_at",
            "booked_at",
        ]

    def get_balance_after_cents(self, entry: LedgerEntry) -> int:
        """The account's balance with this entry and all before it."""
        return self.context["balances_after"][entry.pk]


class AccountBalance(serializers.ModelSerializer[LedgerAccount]):
    account = serializers.ChoiceField(LedgerAccount.Kind.choices, source="kind")

    class Meta:
        model = LedgerAccount
        fields = ["account", "currency", "balance_cents"]


@example(shown.PAYOUT)
class PayoutOutput(serializers.ModelSerializer[Payout]):
    """A payout; ``approved`` and ``exported`` are under way, ``failed`` and ``returned`` are available again."""

    class Meta:
        model = Payout
        fields = [
            "id",
            "profile",
            "state",
            "amount_cents",
            "currency",
            "destination",
            "reference",
            "failure",
            "booked_at",
            "settled_at",
        ]


@example(shown.PAYOUT_LINE)
class PayoutLineOutput(serializers.ModelSerializer[PayoutLine]):
    """An entry of the available account that a payout pays."""

    entry = serializers.UUIDField(source="entry_id")
    kind = serializers.ChoiceField(LedgerTransaction.Kind.choices, source="entry.transaction.kind")
    order = serializers.UUIDField(source="entry.transaction.order_id", allow_null=True)
    item = serializers.UUIDField(source="entry.item_id", allow_null=True)
    booked_at = serializers.DateTimeField(source="entry.booked_at")

    class Meta:
        model = PayoutLine
        fields = ["entry", "kind", "order", "item", "amount_cents", "booked_at"]


class PayoutLinePage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PayoutLineOutput(many=True)


@example(shown.PAYOUT_WITH_LINES)
class PayoutWithLines(PayoutOutput):
    lines = PayoutLinePage()

    class Meta(PayoutOutput.Meta):
        fields = [*PayoutOutput.Meta.fields, "lines"]


class MovementOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(LedgerTransaction.Kind.choices)
    amount_cents = serializers.IntegerField()


class AccountMonthOutput(serializers.Serializer[Any]):
    account = serializers.ChoiceField(LedgerAccount.Kind.choices)
    opening_cents = serializers.IntegerField()
    movements = MovementOutput(many=True)
    closing_cents = serializers.IntegerField()


class StatementTotals(serializers.Serializer[Any]):
    """What came and went, signed: added to the opening balance they give the closing balance."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name: serializers.IntegerField() for name in LINES}


@example(shown.STATEMENT)
class StatementOutput(serializers.Serializer[Any]):
    """A vendor's month. ``released_cents`` became available in it; that is no total, for it was the vendor's before."""

    profile = serializers.UUIDField(source="vendor.pk")
    vendor = serializers.CharField()
    currency = serializers.CharField()
    month = serializers.CharField()
    is_final = serializers.BooleanField(help_text="Whether the month is over.")
    opening_cents = serializers.IntegerField()
    totals = StatementTotals()
    closing_cents = serializers.IntegerField()
    released_cents = serializers.IntegerField()
    accounts = AccountMonthOutput(many=True)
