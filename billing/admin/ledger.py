"""The books, to read: accounts with their balances, transactions with their entries."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.admin.walled import WalledEvidence
from billing.models import LedgerAccount, LedgerTransaction
from trustengine.admin import Link, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, link_to, money, pill
from trustengine.admin.sidebar import MONEY

SHOWN_ENTRIES = 50
TONES = {"refund": "warning", "chargeback": "danger", "payout_failed": "danger", "payout_paid": "success"}


@admin.register(LedgerAccount)
class LedgerAccountAdmin(WalledEvidence):
    """Where money stands. Positive: the marketplace owes it; negative: it holds it, or is owed it."""

    page_title = "Accounts of the ledger"
    list_display = ["name", "whose", "currency", "balance"]
    list_display_links = ["name"]
    list_filter = [("kind", ChoicesDropdownFilter)]
    list_select_related = ["profile"]
    search_fields = ["currency__exact"]
    search_ids = ["id", "profile_id"]
    search_help_text = "The id of an account or of a vendor, or a currency"
    ordering = ["currency", "kind", "-balance_cents", "id"]
    change_form_template = "console/billing/account.html"

    @admin.display(description="Account")
    def name(self, account: LedgerAccount) -> str:
        return str(account.get_kind_display())

    @admin.display(description="Whose")
    def whose(self, account: LedgerAccount) -> str:
        return str(account.profile or "the platform")

    @admin.display(description="Balance")
    def balance(self, account: LedgerAccount) -> SafeString:
        return format_html('<span class="te-nowrap">{}</span>', money(account.balance_cents, account.currency))

    def row_context(self, row: LedgerAccount, request: HttpRequest) -> dict[str, Any]:
        entries = row.entries.select_related("transaction").order_by("-booked_at", "-pk")[:SHOWN_ENTRIES]
        statement = reverse("admin:billing_statement")
        return {
            "account": row,
            "entries": list(entries),
            "shown": SHOWN_ENTRIES,
            "statement": f"{statement}?vendor={row.profile_id}&currency={row.currency}" if row.profile_id else "",
        }


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(WalledEvidence):
    """What was booked, each event of business once."""

    page_title = "Transactions of the ledger"
    list_filter = [("kind", ChoicesDropdownFilter), ("booked_at", DayRangeFilter)]
    list_display_links = ["key"]
    list_select_related = ["order"]
    search_fields = ["key__exact"]
    search_ids = ["id", "order_id"]
    search_help_text = "The id of a transaction or an order, or a key"
    ordering = ["-booked_at", "-id"]
    change_form_template = "console/billing/transaction.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Order")
        def order(booked: LedgerTransaction) -> SafeString | str:
            return link_to(booked.order, request.user)

        return ["key", "what", order, "happened", "booked"]

    @admin.display(description="Kind")
    def what(self, booked: LedgerTransaction) -> SafeString:
        return pill(booked.kind.replace("_", " "), TONES.get(booked.kind, ""))

    @admin.display(description="Happened")
    def happened(self, booked: LedgerTransaction) -> SafeString | str:
        return age(booked.occurred_at)

    @admin.display(description="Booked")
    def booked(self, booked: LedgerTransaction) -> SafeString | str:
        return age(booked.booked_at)

    def row_context(self, row: LedgerTransaction, request: HttpRequest) -> dict[str, Any]:
        entries = row.entries.select_related("account", "profile").order_by("currency", "pk")
        return {
            "booked": row,
            "entries": list(entries),
            "kind": row.kind.replace("_", " "),
            "tone": TONES.get(row.kind, ""),
        }


register_links(
    MONEY,
    Link("Accounts", "billing_ledgeraccount_changelist", "account_balance", "billing.view_ledgeraccount", order=60),
    Link(
        "Transactions",
        "billing_ledgertransaction_changelist",
        "receipt_long",
        permission="billing.view_ledgertransaction",
        order=62,
    ),
)
