"""What profiles have used: by month and meter, with the events that it is made of. To read only."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing import periods
from billing.admin.walled import WalledAdmin
from billing.meters import METERS
from billing.models import UsageAlert, UsageEvent, UsagePeriod
from billing.services.subscriptions import EDIT
from billing.subscribed import subscription_of, usage_of
from billing.terms import Quota, Quotas, quotas_of
from billing.timelines import By, Timeline
from orders.admin.profiles import profile_link
from trustengine.admin import Chart, Link, Series, register_links
from trustengine.admin.presentation import pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.database_time import database_today
from trustengine.row_security import Reason, every_row

EVENTS_SHOWN = 50


@admin.register(UsagePeriod)
class UsagePeriodAdmin(WalledAdmin):
    """Months of usage, the newest first."""

    page_title = "Usage"
    list_filter = [("meter", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter)]
    search_fields = ["profile__display_name"]
    search_ids = ["id", "profile_id"]
    search_help_text = "A profile, or an id"
    ordering = ["-month", "-id"]
    sortable_by = ()
    change_form_template = "console/billing/usage.html"
    fields = ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page, with the quotas of all its rows read at once."""
        page = super().get_changelist_instance(request)
        request.quotas_shown.update(quotas_of({row.profile_id for row in page.result_list}))  # type: ignore[attr-defined]
        return page

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        quotas: dict[UUID, Quotas] = {}
        request.quotas_shown = quotas  # type: ignore[attr-defined]

        @admin.display(description="Profile")
        def profile(row: UsagePeriod) -> SafeString | str:
            return profile_link(row.profile, request.user)

        @admin.display(description="Of its plan")
        def share(row: UsagePeriod) -> SafeString | str:
            quota = quotas[row.profile_id].get(row.meter)
            return bar(quota, row.used) if quota else "–"

        return ["what", profile, "when", "amount", share, "shown_state"]

    @admin.display(description="Meter")
    def what(self, row: UsagePeriod) -> str:
        return METERS[row.meter].title

    @admin.display(description="Month")
    def when(self, row: UsagePeriod) -> str:
        return f"{row.month:%B %Y}"

    @admin.display(description="Used")
    def amount(self, row: UsagePeriod) -> str:
        return f"{row.used:,} {METERS[row.meter].unit}"

    @admin.display(description="State")
    def shown_state(self, row: UsagePeriod) -> SafeString:
        return pill(row.state, "info" if row.state == UsagePeriod.State.OPEN else "")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsagePeriod]:
        rows: QuerySet[UsagePeriod] = super().get_queryset(request)
        return rows.select_related("profile")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with every_row(Reason.CONSOLE):
            period = self.get_object(request, object_id)
            context = _page(period, request) if isinstance(period, UsagePeriod) else {}
            page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
            return page


def bar(quota: Quota, used: int) -> SafeString:
    """How much of a quota is used, as a bar and in words."""
    percent = quota.percent(used)
    tone = "te-over" if percent >= 100 else "te-near" if percent >= 80 else ""
    return format_html(
        '<span class="te-share" role="img" aria-label="{} % used"><span class="te-bar {}">'
        '<i style="width: {}%"></i></span>{} %</span>',
        percent,
        tone,
        min(percent, 100),
        percent,
    )


def _page(period: UsagePeriod, request: HttpRequest) -> dict[str, Any]:
    """What the page of one meter in one month shows. Inside of a block that may see it."""
    meter = METERS[period.meter]
    quota = quotas_of([period.profile_id])[period.profile_id].get(period.meter)
    events = UsageEvent.objects.filter(profile_id=period.profile_id, meter=period.meter, month=period.month)
    alerts = UsageAlert.objects.filter(profile=period.profile_id, meter=period.meter, month=period.month)
    now = usage_of(period.profile_id)
    used = {row["meter"]: row["used"] for row in now["meters"]}
    quotas = quotas_of([period.profile_id])[period.profile_id]
    return {
        "period": period,
        "meter": meter,
        "quota": quota,
        "bar": bar(quota, period.used) if quota else "",
        "chart": _chart(period, meter.title, meter.unit),
        "events": list(events.order_by("-occurred_at")[:EVENTS_SHOWN]),
        "events_shown": EVENTS_SHOWN,
        "alerts": alerts.order_by("percent"),
        "subscription": subscription_of(period.profile_id),
        "meters": [(METERS[name].title, bar(each, used.get(name, 0))) for name, each in sorted(quotas.items())],
        "profile": profile_link(period.profile, request.user),
        "change_plan": f"{reverse('admin:billing_subscription_add')}?profile={period.profile_id}"
        if request.user.has_perm(EDIT)
        else "",
        "parent_url": reverse("admin:billing_usageperiod_changelist"),
        "parent_title": "Usage",
    }


def _chart(period: UsagePeriod, title: str, unit: str) -> Chart:
    """What was used on each day of the month."""
    last = min(periods.next_month(period.month) - timedelta(days=1), max(database_today(), period.month))
    timeline = Timeline(period.profile_id, period.meter, period.month, last, By.DAY)
    sums = {timezone.localdate(point["at"]): point["quantity"] for point in timeline.points()}
    days = [period.month + timedelta(days=n) for n in range((last - period.month).days + 1)]
    return Chart(
        title,
        f"{sum(sums.values()):,} {unit} happened in {period.month:%B %Y}.",
        [f"{day:%d %b}" for day in days],
        [Series(unit, [sums.get(day, 0) for day in days])],
    )


register_links(
    MARKETPLACE,
    Link("Usage", "billing_usageperiod_changelist", "speed", permission="billing.view_usageperiod", order=72),
)
