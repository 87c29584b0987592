from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.http import HttpResponseBase
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


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


class ConsoleSite(UnfoldAdminSite):
    """TrustEngine's admin site."""

    index_title = "Home"
    enable_nav_sidebar = True
    empty_value_display = "–"

    def extra_urls(self) -> list[URLPattern]:
        """The pages that apps have registered: unfold puts them before those of the models."""
        return [path(page.route, self.admin_view(page.view), name=page.name) for page in _pages]
