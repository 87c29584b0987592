"""The sidebar: links that apps contribute, in groups, each shown to those who may follow it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

MODERATION, MARKETPLACE, MONEY, SYSTEM = "Moderation", "Marketplace", "Money", "System"
GROUPS = (MODERATION, MARKETPLACE, MONEY, SYSTEM)


@dataclass(frozen=True)
class Link:
    """An entry of the sidebar. ``page`` is the name of its URL, ``badge`` counts what waits there."""

    title: str
    page: str
    icon: str
    permission: str
    order: int
    badge: Callable[[HttpRequest], int] | None = None


_links: dict[str, tuple[str, Link]] = {}


def register_links(group: str, *links: Link) -> None:
    """Put links under a group's heading; lower ``order`` stands first."""
    for link in links:
        _links[link.page] = (group, link)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links that this person may follow: unfold's ``SIDEBAR["navigation"]``."""
    allowed = [(group, link) for group, link in _links.values() if request.user.has_perm(link.permission)]
    allowed += [(SYSTEM, link) for link in _unplaced(request)]
    allowed.sort(key=lambda pair: (pair[1].order, pair[1].title))
    current = _current(request.path, [link for _, link in allowed])
    index = reverse("admin:index")
    home = {"title": "Home", "icon": "space_dashboard", "link": index, "active": request.path == index}
    groups: list[dict[str, Any]] = [{"title": None, "items": [home]}]
    for title in GROUPS:
        items = [_item(link, request, active=link is current) for group, link in allowed if group == title]
        if items:
            groups.append({"title": title, "items": items})
    return groups


def _item(link: Link, request: HttpRequest, *, active: bool) -> dict[str, Any]:
    return {
        "title": link.title,
        "icon": link.icon,
        "link": reverse(f"admin:{link.page}"),
        "active": active,
        "badge": link.badge(request) if link.badge else 0,
        "badge_variant": "primary",
    }


def _current(path: str, links: list[Link]) -> Link | None:
    """The link whose page this is, or is nearest above: a queue below a list is not the list."""
    above = [link for link in links if path.startswith(reverse(f"admin:{link.page}"))]
    return max(above, key=lambda link: len(reverse(f"admin:{link.page}")), default=None)


def _unplaced(request: HttpRequest) -> list[Link]:
    """Models of the admin that no app has put anywhere, so that every page can be found."""
    links = []
    for model, model_admin in admin.site._registry.items():
        page = f"{model._meta.app_label}_{model._meta.model_name}_changelist"
        if page not in _links and model_admin.has_view_permission(request):
            title = str(model._meta.verbose_name_plural).capitalize()
            links.append(Link(title, page, "table_rows", permission="", order=900))
    return links
