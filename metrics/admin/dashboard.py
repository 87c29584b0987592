"""The marketplace's figures in the console."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import conditional_page

from metrics import presenting
from metrics.access import SEE_ALL
from metrics.models import PlatformDaily
from metrics.pages.choosing import Choice
from metrics.pages.vendor import kind_of, shown
from metrics.queries import staff_dashboard
from metrics.serializers import StaffDashboardOutput
from metrics.spreadsheets import export
from orders.models import Product
from trustengine.accounts.models import Profile
from trustengine.admin import Area, Card, Link, register_links, register_page, register_panel
from trustengine.admin.presentation import money, page_of
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.database_time import database_today


@register_page("dashboard/", "metrics_dashboard")
@conditional_page
def dashboard_page(request: HttpRequest) -> HttpResponse:
    """The whole page; ``part`` asks for the figures alone, to refresh them."""
    _require(request)
    choice = Choice.of(request)
    dashboard = staff_dashboard(choice.period, choice.currency)

    def page(model: Any) -> Any:
        return lambda top: page_of((model, top.id), request.user)

    context = {
        **shown(dashboard, choice),
        "title": "Dashboard",
        "products": presenting.ranking(dashboard.top_products, dashboard.currency, page(Product)),
        "top_vendors": presenting.ranking(dashboard.top_vendors, dashboard.currency, page(Profile)),
        "export": reverse("admin:metrics_dashboard_export"),
    }
    if "part" in request.GET:
        return TemplateResponse(request, "metrics/figures.html", context).render()
    return TemplateResponse(
        request, "console/metrics/dashboard.html", admin.site.each_context(request) | context
    ).render()


@register_page("dashboard/export/", "metrics_dashboard_export")
def dashboard_export(request: HttpRequest) -> HttpResponse:
    """The page's period as a file."""
    _require(request)
    choice = Choice.of(request)
    dashboard = staff_dashboard(choice.period, choice.currency)
    return export(dashboard, StaffDashboardOutput(dashboard).data, kind_of(request))


@register_panel(Area.CARDS, permission=SEE_ALL, order=28)
def sales_today(request: HttpRequest) -> Card:
    currency = settings.MARKETPLACE_CURRENCY
    today = PlatformDaily.objects.filter(day=database_today(), currency=currency).first()
    orders = today.orders if today else 0
    note = f"{orders:,} order{'s' * (orders != 1)} so far" if today else "No order yet."
    amount = money(today.gmv_cents if today else 0, currency)
    return Card("Sales today", amount, note, "monitoring", reverse("admin:metrics_dashboard"))


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(SEE_ALL):
        raise PermissionDenied


register_links(MARKETPLACE, Link("Dashboard", "metrics_dashboard", "monitoring", permission=SEE_ALL, order=5))
