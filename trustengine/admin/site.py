from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ARRIVING = "arriving_at"


@dataclass(frozen=True)
class _Page:
    route: str
    name: str
    view: Callable[..., HttpResponseBase]


_pages: list[_Page] = []


def register_page(route: str, name: str) -> Callable[[View], View]:
    """Serve a view below the console's address, to staff who are signed in; what else it asks, it asks itself."""

    def register(view: View) -> View:
        _pages.append(_Page(route, name, view))
        return view

    return register


def _page_before(request: HttpRequest) -> str:
    """The console's page from which a request was sent, else its home page."""
    home = reverse("admin:index")
    address = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return home
    parts = urlsplit(address)
    if not parts.path.startswith(home) or parts.path == reverse("admin:login"):
        return home
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _has_just_signed_in(request: HttpRequest) -> bool:
    return bool(request.session.pop(ARRIVING, None) == request.get_full_path())


class ConsoleSite(UnfoldAdminSite):
    """TrustEngine's admin site."""

    index_title = "Home"
    enable_nav_sidebar = True
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        """Who is suspended has no access, whatever rights they have kept from before."""
        return super().has_permission(request) and not getattr(request.user, "is_suspended", False)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in, and remember where that leads: see ``admin_view``."""
        response = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            request.session[ARRIVING] = response.headers["Location"]
        return response

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Guard a page. Signing in leads to pages that answer GET only.

        Who was signed out while they sent a form comes back to the page of the form, and
        whoever is sent to an address that takes POST alone comes to the home page.
        """
        guarded = super().admin_view(view, cacheable)

        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_reading = request.method in SAFE_METHODS
            if not is_reading and request.path != reverse("admin:logout") and not self.has_permission(request):
                return redirect_to_login(_page_before(request), reverse("admin:login"))
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            if is_reading and response.status_code == 405 and _has_just_signed_in(request):
                return redirect("admin:index")
            return response

        return cast(View, update_wrapper(page, guarded))

    def extra_urls(self) -> list[URLPattern]:
        """The pages that apps have registered: unfold puts them before those of the models."""
        return [path(page.route, self.admin_view(page.view), name=page.name) for page in _pages]
