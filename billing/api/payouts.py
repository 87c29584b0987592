"""Money, for the vendors whose it is. Read twice guarded: by the caller's vendors, and behind the wall."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import examples as shown
from billing.api import vendors
from billing.api.serializers.payouts import (
    AccountBalance,
    LedgerEntryOutput,
    PayoutLineOutput,
    PayoutOutput,
    PayoutWithLines,
    StatementOutput,
)
from billing.balances import balances_after, balances_of, currency_of
from billing.models import LedgerAccount, LedgerEntry, Payout
from billing.statements import as_csv, statement_of
from trustengine.accounts.callers import caller
from trustengine.api.pagination import KeysetPagination
from trustengine.api.schema import raises
from trustengine.database_time import database_today
from trustengine.errors import InvalidInput, NotFound
from trustengine.row_security import seen_by

STATES = [state for state in Payout.State.values if state != Payout.State.DRAFT]
FORMATS = ("json", "csv")
PAGES = KeysetPagination().get_schema_operation_parameters(None)


class LedgerPages(KeysetPagination):
    """A page of entries, with the present balances of all of the vendor's accounts."""

    balances: list[LedgerAccount]

    def get_paginated_response(self, data: Any) -> Response:
        page = super().get_paginated_response(data)
        page.data["balances"] = AccountBalance(self.balances, many=True).data
        return page

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = super().get_paginated_response_schema(schema)
        balance = {
            "type": "object",
            "required": ["account", "currency", "balance_cents"],
            "properties": {
                "account": {"type": "string", "enum": list(LedgerAccount.OF_VENDOR)},
                "currency": {"type": "string"},
                "balance_cents": {"type": "integer"},
            },
        }
        page["properties"]["balances"] = {"type": "array", "items": balance, "example": [shown.BALANCE]}
        page["required"] = [*page["required"], "balances"]
        return page


@extend_schema(
    parameters=[
        vendors.PROFILE,
        vendors.CURRENCY,
        vendors.FROM,
        vendors.TO,
        OpenApiParameter("account", enum=list(LedgerAccount.OF_VENDOR), description="Only entries of this account."),
    ]
)
@raises(NotFound)
class VendorLedger(generics.ListAPIView[LedgerEntry]):
    """Every movement of a vendor's money, the latest booked first."""

    serializer_class = LedgerEntryOutput
    pagination_class = LedgerPages
    filter_backends = []
    queryset = LedgerEntry.objects.none()  # tells the schema of what

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with seen_by(caller(request)):
            return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        if getattr(self, "swagger_fake_view", False):
            return LedgerEntry.objects.none()
        self.vendor = vendors.vendor_of(self.request)
        entries = LedgerEntry.objects.filter(profile=self.vendor)
        start, end = vendors.moments(self.request)
        if start:
            entries = entries.filter(booked_at__gte=start)
        if end:
            entries = entries.filter(booked_at__lt=end)
        if currency := vendors.currency(self.request):
            entries = entries.filter(currency=currency)
        account = vendors.given_text(self.request, "account")
        if account and account not in LedgerAccount.OF_VENDOR:
            raise InvalidInput(fields={"account": f"One of {', '.join(LedgerAccount.OF_VENDOR)}."})
        if account:
            entries = entries.filter(account__kind=account)
        return entries.select_related("transaction", "account").order_by("-booked_at", "-pk")

    def paginate_queryset(self, queryset: Any) -> Any:
        self.page = super().paginate_queryset(queryset)
        self.paginator.balances = balances_of(self.vendor)  # type: ignore[union-attr]
        return self.page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "balances_after": balances_after(getattr(self, "page", None) or [])}


class OwnPayouts(generics.GenericAPIView[Payout]):
    serializer_class = PayoutOutput
    filter_backends = []
    queryset = Payout.objects.none()  # tells the schema of what

    def get_queryset(self) -> QuerySet[Payout]:
        return Payout.objects.visible_to(caller(self.request)).order_by("-created_at", "-pk")


@extend_schema(
    parameters=[
        vendors.PROFILE,
        vendors.CURRENCY,
        vendors.FROM,
        vendors.TO,
        OpenApiParameter("state", enum=STATES, description="Only payouts in this state."),
    ]
)
@raises(NotFound)
class VendorPayouts(OwnPayouts, generics.ListAPIView[Payout]):
    """A vendor's payouts, newest first."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with seen_by(caller(request)):
            return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Payout]:
        if getattr(self, "swagger_fake_view", False):
            return Payout.objects.none()
        payouts = super().get_queryset().filter(profile=vendors.vendor_of(self.request))
        if currency := vendors.currency(self.request):
            payouts = payouts.filter(currency=currency)
        start, end = vendors.moments(self.request)
        if start:
            payouts = payouts.filter(created_at__gte=start)
        if end:
            payouts = payouts.filter(created_at__lt=end)
        state = vendors.given_text(self.request, "state")
        if state and state not in STATES:
            raise InvalidInput(fields={"state": f"One of {', '.join(STATES)}."})
        return payouts.filter(state=state) if state else payouts


class VendorPayout(OwnPayouts):
    """One payout of a vendor's."""

    @extend_schema(
        operation_id="vendor_payouts_retrieve",
        parameters=[OpenApiParameter(each["name"], each["schema"]) for each in PAGES],
        responses=PayoutWithLines,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Read a payout, with the entries that it pays, page by page."""
        with seen_by(caller(request)):
            payout = self.get_queryset().filter(pk=pk).first()
            if payout is None:
                raise NotFound
            pages = KeysetPagination()
            lines = payout.lines.select_related("entry__transaction").order_by("pk")
            found = pages.paginate_queryset(lines, request, view=self)
            page = pages.get_paginated_response(PayoutLineOutput(found, many=True).data).data
            return Response({**PayoutOutput(payout).data, "lines": page})


class VendorStatement(APIView):
    """A month of a vendor's money."""

    @raises(NotFound)
    @extend_schema(
        operation_id="vendor_statement",
        parameters=[
            vendors.PROFILE,
            vendors.CURRENCY,
            OpenApiParameter("month", vendors.MONTH_SCHEMA, description="The present one where absent."),
            OpenApiParameter("as", enum=FORMATS, description="`csv` for a file."),
        ],
        responses={
            (200, "application/json"): StatementOutput,
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("Example", shown.STATEMENT_CSV, media_type="text/csv")]
            ),
        },
    )
    def get(self, request: Request) -> Response | HttpResponse:
        """Read a month's opening balance, what came and went, and the closing balance."""
        form = vendors.given_text(request, "as") or "json"
        if form not in FORMATS:
            raise InvalidInput(fields={"as": f"One of {', '.join(FORMATS)}."})
        first, chosen = vendors.month(request), vendors.currency(request)
        with seen_by(caller(request)):
            vendor = vendors.vendor_of(request)
            currency = chosen or currency_of(vendor, settings.MARKETPLACE_CURRENCY)
            statement = statement_of(vendor, currency=currency, first=first or database_today().replace(day=1))
        if form == "json":
            return Response(StatementOutput(statement).data)
        answer = HttpResponse(as_csv(statement), content_type="text/csv")
        answer["Content-Disposition"] = f'attachment; filename="statement-{statement.month}-{currency}.csv"'
        answer["Cache-Control"] = "private, no-store"
        return answer
