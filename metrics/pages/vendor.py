"""A vendor's dashboard as a page."""

from typing import Any
from uuid import UUID

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import conditional_page

from metrics import presenting
from metrics.access import vendor_for, vendors_of
from metrics.charts import charts
from metrics.pages.choosing import Choice
from metrics.queries import Dashboard, has_sold, vendor_dashboard
from metrics.serializers import VendorDashboardOutput
from metrics.spreadsheets import KINDS, export
from trustengine.accounts.models import Profile, User
from trustengine.admin.evidence import as_uuid
from trustengine.api.pages import LimitedPage
from trustengine.errors import DomainError


def shown(dashboard: Dashboard, choice: Choice) -> dict[str, Any]:
    """What every page with a dashboard has in common."""
    currencies = [(code, choice.query(currency=code), code == dashboard.currency) for code in dashboard.currencies]
    return {
        "dashboard": dashboard,
        "choice": choice,
        "cards": presenting.cards(dashboard),
        "charts": charts(dashboard),
        "histogram": presenting.histogram(dashboard.totals),
        "currencies": currencies if len(currencies) > 1 else [],
        "here": choice.query(),
    }


class VendorPage(LoginRequiredMixin, LimitedPage, View):
    """``GET /vendor/dashboard/``: for members of a vendor. ``part`` asks for the figures alone, to refresh them."""

    login_url = "sign-in"

    @method_decorator(conditional_page)
    def get(self, request: HttpRequest) -> HttpResponse:
        choice = Choice.of(request, "profile")
        vendor, refusal = _vendor(request, choice)
        if vendor is None:
            return render(request, "metrics/no_vendor.html", refusal, status=refusal["status"])
        dashboard = vendor_dashboard(vendor.pk, choice.period, choice.currency)
        context = {
            **shown(dashboard, choice),
            "vendor": vendor,
            "vendors": [
                (other, choice.query(profile=other.pk), other == vendor) for other in vendors_of(_user(request))
            ],
            "products": presenting.ranking(dashboard.top_products, dashboard.currency, _product_page),
            "export": reverse("vendor-page-export"),
            "is_new": dashboard.is_empty and not has_sold(vendor.pk),
        }
        template = "metrics/figures.html" if "part" in request.GET else "metrics/vendor.html"
        response = render(request, template, context)
        patch_cache_control(response, private=True, no_cache=True)
        return response


class VendorPageExport(LoginRequiredMixin, LimitedPage, View):
    """``GET /vendor/dashboard/export/``: the page's period as a file."""

    login_url = "sign-in"

    def get(self, request: HttpRequest) -> HttpResponse:
        choice = Choice.of(request, "profile")
        vendor, refusal = _vendor(request, choice)
        if vendor is None:
            return render(request, "metrics/no_vendor.html", refusal, status=refusal["status"])
        dashboard = vendor_dashboard(vendor.pk, choice.period, choice.currency)
        output = VendorDashboardOutput(dashboard, context={"vendor": vendor}).data
        return export(dashboard, output, kind_of(request), whose=str(vendor))


def kind_of(request: HttpRequest) -> str:
    """What kind of file is asked for; CSV where that is not clear."""
    asked = request.GET.get("as", "")
    return asked if asked in KINDS else "csv"


def _vendor(request: HttpRequest, choice: Choice) -> tuple[Profile | None, dict[str, Any]]:
    """The vendor to show, the first by name where there are several; else why there is none."""
    user = _user(request)
    asked: UUID | None = as_uuid(choice.others.get("profile", ""))
    if asked is None:
        own = vendors_of(user)
        asked = own[0].pk if own else None
    try:
        return vendor_for(user, asked), {}
    except DomainError as error:
        return None, {"status": error.status, "is_suspended": user.is_suspended}


def _product_page(top: Any) -> str:
    return reverse("product-page", args=[top.id])


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
