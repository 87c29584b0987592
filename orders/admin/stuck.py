"""Stuck orders in the console: filters of lists, links above them with counts, and a card on the home page."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter

from orders.stuck import KINDS
from trustengine.admin import Area, Card, Panel, register_panel

PAGES = {
    "status": "orders_order",
    "payment": "orders_paymentevent",
    "refund": "orders_checkout",
    "reservation": "orders_checkout",
}


class StuckFilter(DropdownFilter):
    """Rows that should have moved on by themselves."""

    title = "stuck"
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        page = f"orders_{model_admin.model._meta.model_name}"
        return [(name, KINDS[name].title) for name in KINDS if PAGES[name] == page]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.value()
        if name not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(pk__in=KINDS[str(name)].rows().values("pk"))


class SavedFilters:
    """For an ``EvidenceAdmin``: its kinds of stuck rows as links above the list, with their counts."""

    list_before_template = "console/orders/saved_filters.html"
    model: type[Any]

    def saved_filters(self, request: HttpRequest) -> dict[str, Any]:
        page = f"orders_{self.model._meta.model_name}"
        address = reverse(f"admin:{page}_changelist")
        chosen = request.GET.get("stuck", "")
        names = [name for name in KINDS if PAGES[name] == page]
        links = [
            {
                "title": KINDS[name].title,
                "count": KINDS[name].count(),
                "url": f"{address}?stuck={name}",
                "is_current": name == chosen,
            }
            for name in names
        ]
        return {"saved_filters": links, "everything": address, "is_filtered": chosen in names}


def stuck_rows(viewer: Any) -> Sequence[dict[str, Any]]:
    """Kinds of which there are some, with the addresses of their lists, for those who may open these."""
    return [
        {"title": kind.title, "count": count, "url": reverse(f"admin:{PAGES[name]}_changelist") + f"?stuck={name}"}
        for name, kind in KINDS.items()
        if viewer.has_perm(f"orders.view_{PAGES[name].removeprefix('orders_')}") and (count := kind.count())
    ]


@register_panel(Area.CARDS, permission="orders.view_paymentevent", order=30)
def stuck_card(request: HttpRequest) -> Card:
    rows = stuck_rows(request.user)
    total = sum(row["count"] for row in rows)
    worst = max(rows, key=lambda row: row["count"], default=None)
    note = f"{worst['count']:,} × {worst['title'].lower()}" if worst else "Everything has moved on."
    url = worst["url"] if worst else reverse("admin:orders_paymentevent_changelist")
    return Card("Stuck orders", total, note, "production_quantity_limits", url, urgent=bool(total))


@register_panel(Area.LISTS, permission="orders.view_paymentevent", order=30)
def stuck_panel(request: HttpRequest) -> Panel:
    return Panel("Stuck orders", "console/orders/stuck.html", {"rows": stuck_rows(request.user)})
