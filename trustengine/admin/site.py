"""The console's site: its pages, and the door that decides whose sessions open it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ARRIVING = "arriving_at"


class Door(Protocol):
    """How staff sign in; the accounts supply it."""

    def admits(self, request: HttpRequest) -> bool:
        """Whether the session of an active member of staff opens the console."""
        ...

    def keep_time(self, request: HttpRequest) -> None:
        """End the session if nobody has used it for too long; called once for each request of a page."""
        ...

    def login(self, request: HttpRequest, site: "ConsoleSite", context: dict[str, Any]) -> HttpResponseBase:
        """Answer the sign-in page."""
        ...


@dataclass(frozen=True)
class _Page:
    route: str
    name: str
    view: Callable[..., HttpResponseBase]
    is_open: bool


_pages: list[_Page] = []
_doors: list[Door] = []


def register_page(route: str, name: str, *, is_open: bool = False) -> Callable[[View], View]:
    """Serve a view below the console's address, to staff who are signed in; what else it asks, it asks itself.

    An open page is part of signing in: it asks everything itself.
    """

    def register(view: View) -> View:
        _pages.append(_Page(route, name, view, is_open))
        return view

    return register


def register_door(door: Door) -> None:
    """Have the accounts decide whose sessions open the console."""
    _doors[:] = [door]


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
        """Who is suspended has no access, whatever rights they have kept from before; the door decides on sessions."""
        is_staff = super().has_permission(request) and not getattr(request.user, "is_suspended", False)
        return is_staff and all(door.admits(request) for door in _doors)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Sign in, and remember where that leads: see ``admin_view``."""
        if _doors:
            response: HttpResponseBase = _doors[0].login(request, self, extra_context or {})
        else:
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
            for door in _doors:
                door.keep_time(request)
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
        return [
            path(page.route, page.view if page.is_open else self.admin_view(page.view), name=page.name)
            for page in _pages
        ]
