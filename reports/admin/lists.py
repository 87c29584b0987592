"""What the lists of moderation share: saved filters with counts, and the contents that rows are about."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter

from orders.models import Product
from reports.contents import KINDS
from reviews.models import Review
from trustengine.admin import BoundedPaginator, ConsoleChangeList, EvidenceAdmin, name_of
from trustengine.admin.identities import SEE_IDENTITIES, in_confidence
from trustengine.admin.presentation import page_of

PARAMETER = "saved"
EXCERPT = 70


class Saved(NamedTuple):
    """A filter under a name: its rows for whoever looks, in the order in which they want attention."""

    title: str
    rows: Callable[[Any, Any], QuerySet[Any]]
    ordering: tuple[str, ...]


class SavedFilter(DropdownFilter):
    """The list's saved filters, as a filter like the others."""

    title = "saved filter"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.saved: Mapping[str, Saved] = model_admin.saved
        return [(name, saved.title) for name, saved in self.saved.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        saved = self.saved.get(str(self.value()))
        return saved.rows(queryset, request.user) if saved else queryset


class ContentChangeList(ConsoleChangeList):
    """Looks up the contents that the rows of a page are about, together."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        about = {row.pk: self.model_admin.content_of(row) for row in rows}
        names = named({(each.content_type, each.content_id) for each in about.values()}, request.user)
        for row in rows:
            row.shown_content = names[about[row.pk].content_type, about[row.pk].content_id]
        self.result_list = rows


class ModerationList(EvidenceAdmin):
    """Rows of moderation, each about a content, with saved filters above them."""

    saved: ClassVar[Mapping[str, Saved]] = {}
    list_before_template = "console/orders/saved_filters.html"
    sortable_by = ()
    fields = ()
    confidential_ids: ClassVar[frozenset[str]] = frozenset()  # of ``search_ids``: who those are, not everybody may know

    def get_search_ids(self, request: HttpRequest) -> Sequence[str]:
        if request.user.has_perm(SEE_IDENTITIES):
            return self.search_ids
        return [column for column in self.search_ids if column not in self.confidential_ids]

    def content_of(self, row: Any) -> Any:
        """What names the content: has ``content_type`` and ``content_id``."""
        return row

    @admin.display(description="Content")
    def content(self, row: Any) -> SafeString | str:
        return row.shown_content  # type: ignore[no-any-return]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ContentChangeList]:
        return ContentChangeList

    def get_ordering(self, request: HttpRequest) -> Any:
        saved = self.saved.get(request.GET.get(PARAMETER, ""))
        return saved.ordering if saved else super().get_ordering(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**self.saved_filters(request), **(extra_context or {})})

    def saved_filters(self, request: HttpRequest) -> dict[str, Any]:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        chosen = request.GET.get(PARAMETER, "")
        links = [
            {
                "title": saved.title,
                "count": saved.rows(self.model._default_manager.all(), request.user)[: BoundedPaginator.BOUND].count(),
                "url": f"{address}?{PARAMETER}={name}",
                "is_current": name == chosen,
            }
            for name, saved in self.saved.items()
        ]
        return {"saved_filters": links, "everything": address, "is_filtered": chosen in self.saved}

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("reports.moderate_case")


def person(user: Any, viewer: Any) -> SafeString | str:
    """Somebody's name as the viewer may know it, on one line; a dash for nobody."""
    return format_html('<span class="te-nowrap">{}</span>', name_of(user, viewer)) if user else "–"


def confidential(user: Any, viewer: Any) -> SafeString | str:
    """The same for a reporter, whom not everybody may know."""
    return person(in_confidence(user, viewer), viewer)


def named(keys: Iterable[tuple[str, UUID]], viewer: Any) -> dict[tuple[str, UUID], SafeString | str]:
    """Contents by (type, id) as links in words, in one query for each type; withdrawn ones as well."""
    wanted: dict[str, set[UUID]] = {}
    for content_type, content_id in keys:
        wanted.setdefault(content_type, set()).add(content_id)
    names: dict[tuple[str, UUID], SafeString | str] = {}
    for content_type, ids in wanted.items():
        found: Mapping[Any, Any] = KINDS[content_type].model._default_manager.in_bulk(ids)
        for content_id in ids:
            names[content_type, content_id] = _name(content_type, content_id, found.get(content_id), viewer)
    return names


def _name(content_type: str, content_id: UUID, content: Any, viewer: Any) -> SafeString | str:
    text = f"{content_type} {str(content_id)[-8:]}"
    if content is None:
        return text
    address = page_of(content, viewer)
    if not address:
        return text
    words = _words(content)
    return format_html(
        '<a class="te-link" href="{}">{}</a> <span class="te-note">{}</span>',
        address,
        f"{words[:EXCERPT]}…" if len(words) > EXCERPT else words or "Without a title",
        content_type,
    )


def _words(content: Any) -> str:
    if isinstance(content, Review):
        return content.title or content.comment
    return content.title if isinstance(content, Product) else str(content.text)
