"""The entries: who did what to what, when, why, and what changed by it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from trustengine.admin import (
    Area,
    ConsoleChangeList,
    EvidenceAdmin,
    Link,
    Panel,
    name_of,
    register_links,
    register_panel,
)
from trustengine.admin.evidence import as_uuid
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age
from trustengine.admin.sidebar import MODERATION
from trustengine.audit import reading
from trustengine.audit.models import Entry

LATEST = 8


class VerbFilter(DropdownFilter):
    """The verbs that occur, found by hopping along the index rather than by reading every entry."""

    title = "verb"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verb, reading.in_words(verb)) for verb in known_verbs()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


def known_verbs() -> list[str]:
    """Every verb in the log, in one step per verb (a "loose index scan")."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE known AS (
                (SELECT verb FROM audit_entry ORDER BY verb LIMIT 1)
                UNION ALL
                SELECT (SELECT verb FROM audit_entry WHERE verb > known.verb ORDER BY verb LIMIT 1)
                FROM known WHERE known.verb IS NOT NULL
            )
            SELECT verb FROM known WHERE verb IS NOT NULL
            """
        )
        return [verb for (verb,) in cursor.fetchall()]


class EntryChangeList(ConsoleChangeList):
    """Looks up the actors of all entries of a page together."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        entries = list(self.result_list)
        for line in reading.lines(entries, request.user):
            line.entry.line = line  # type: ignore[attr-defined]
        self.result_list = entries


@admin.register(Entry)
class EntryAdmin(EvidenceAdmin):
    """Who did what to what, when, why, and what changed by it."""

    page_title = "Audit log"
    list_filter = [VerbFilter, ("actor_kind", ChoicesDropdownFilter), ("at", DayRangeFilter)]
    search_fields = ["object_id"]
    search_help_text = "An id, a request id, a colleague's name, or a verb"
    ordering = ["-at", "-id"]
    sortable_by = ()
    change_form_template = "console/audit/entry.html"
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Who")
        def who(entry: Entry) -> str:
            line: reading.Line = entry.line  # type: ignore[attr-defined]
            return "somebody who is gone" if line.is_gone else name_of(line.actor, request.user)

        return ["what", "about", who, "changed", "reason", "when"]

    @admin.display(description="What")
    def what(self, entry: Entry) -> str:
        return reading.in_words(entry.verb)

    @admin.display(description="About")
    def about(self, entry: Entry) -> SafeString | str:
        text, address = reading.about(entry), entry.line.object_url  # type: ignore[attr-defined]
        return format_html('<a class="te-link" href="{}">{}</a>', address, text) if address else text

    @admin.display(description="Changed")
    def changed(self, entry: Entry) -> str:
        return render_to_string("console/audit/brief.html", {"changes": reading.changes(entry), "limit": 3})

    @admin.display(description="When")
    def when(self, entry: Entry) -> SafeString | str:
        return age(entry.at)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EntryChangeList]:
        return EntryChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """By exact ids and codes, colleagues' names and the beginnings of verbs."""
        term = search_term.strip()
        if not term:
            return queryset, False
        known = reading.without_actors_in_confidence(request.user)
        return queryset.filter(_about_id(term, known) if as_uuid(term) else _about_words(term, known)), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        entry = self.get_object(request, object_id)
        context: dict[str, Any] = {"parent_title": self.page_title}
        if isinstance(entry, Entry):
            context |= {"line": reading.lines([entry], request.user)[0], "heading": reading.in_words(entry.verb)}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def _about_id(term: str, known: Q) -> Q:
    """By any id; as that of the actor only what this viewer may know."""
    number = as_uuid(term)
    return (
        Q(object_id=str(number))
        | (Q(actor_id=number) & known)
        | Q(job_id=number)
        | Q(request_id=term)
        | Q(client_request_id=term)
    )


def _about_words(term: str, known: Q) -> Q:
    """A colleague's name, else the beginning of a verb, else a code: the first two are answered by an index."""
    people = get_user_model()._default_manager.filter(is_staff=True, username__iexact=term).values_list("pk", flat=True)
    if found := list(people):
        return Q(actor_id__in=found) & known
    verb = term.lower().replace(" ", ".", 1).replace(" ", "_")
    if verbs := [known for known in known_verbs() if known.startswith(verb)]:
        return Q(verb__in=verbs)
    return Q(object_id=term) | Q(request_id=term) | Q(client_request_id=term) | Q(reason=term)


@register_panel(Area.LISTS, permission="audit.view_entry", order=90)
def latest_entries(request: HttpRequest) -> Panel:
    entries = Entry.objects.order_by("-at", "-id")[:LATEST]
    context = {"lines": reading.lines(entries, request.user), "request": request}
    return Panel("Latest changes", "console/audit/latest.html", context, reverse("admin:audit_entry_changelist"))


register_links(
    MODERATION,
    Link("Audit log", "audit_entry_changelist", "history", permission="audit.view_entry", order=90),
)
