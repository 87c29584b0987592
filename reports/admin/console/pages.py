"""What the page shows: the whole of it, its list, a case, and the numbers of what waits."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import quote_etag

from reports.admin.console.choices import CHOICES
from reports.admin.console.evidence import case_context
from reports.admin.console.listing import QUEUES, STATES, TYPES, Filters, counts, rows
from reports.models import Case
from reports.services.claiming import PERMISSION
from trustengine.accounts.models import User
from trustengine.admin import Area, Card, Link, register_links, register_page, register_panel
from trustengine.admin.evidence import as_uuid
from trustengine.admin.sidebar import MODERATION
from trustengine.database_time import database_now

HOME = "moderation"
SKIPPED = "moderation_skipped"
KEYS = (
    ("j", "down the list"),
    ("k", "up the list"),
    ("Enter", "open the case in the list"),
    ("n", "next case"),
    ("s", "skip this case"),
    *((choice.key, choice.label.lower()) for choice in CHOICES),
    ("y", "approve a colleague's proposal, as the second person"),
    ("c", "refuse a colleague's proposal"),
    ("o", "overturn on appeal"),
    ("g", "uphold on appeal"),
    ("1 – 9", "choose a reason"),
    ("Enter", "carry out what was chosen"),
    ("f", "write the facts"),
    ("u", "undo the last decision"),
    ("x", "select the case for a batch"),
    ("b", "decide on the selected ones"),
    ("i", "show or blur the pictures"),
    ("/", "search"),
    ("Esc", "put aside what was chosen, or leave a field"),
    ("?", "these keys"),
)


def moderator_of(request: HttpRequest) -> User:
    """Who asks, if they may decide on cases."""
    if not isinstance(request.user, User) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    return request.user


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page, and not a browser for all of it."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


@register_page("moderation/", HOME)
def home_page(request: HttpRequest) -> HttpResponseBase:
    """The whole page. ``?case=`` shows one, which its opening by a step claims."""
    moderator = moderator_of(request)
    filters = Filters.of(request.GET)
    number = as_uuid(request.GET.get("case", ""))
    case = Case.objects.select_related("claimed_by").filter(pk=number).first() if number else None
    context = {
        "title": "Moderation",
        "filters": filters,
        "queues": [(name, label, filters.of_queue(name).query) for name, label in QUEUES],
        "states": STATES,
        "types": TYPES,
        "counts": counts(moderator),
        "keys": KEYS,
        "claim_seconds": settings.CASE_CLAIM_MINUTES * 60,
        "skipped": len(skipped(request)),
        **_list(filters, moderator, ""),
        **(_case(case, moderator, filters) if case else {}),
    }
    page = admin.site.each_context(request) | context
    return TemplateResponse(request, "console/moderation/page.html", page)


@register_page("moderation/list/", "moderation_list")
def list_part(request: HttpRequest) -> HttpResponseBase:
    """The list alone, or what follows after a row of it."""
    moderator = moderator_of(request)
    filters = Filters.of(request.GET)
    if not is_part(request):
        return redirect(address_of(filters))
    after = request.GET.get("after", "")
    context = {"filters": filters, "counts": {}, **_list(filters, moderator, after)}
    template = "console/moderation/rows.html" if after else "console/moderation/list.html"
    answer = TemplateResponse(request, template, context)
    if not after:
        answer["HX-Push-Url"] = address_of(filters)
    return answer


@register_page("moderation/counts/", "moderation_counts")
def counts_part(request: HttpRequest) -> HttpResponseBase:
    """How many cases wait, as JSON; 304 while the numbers stay what they were."""
    body = json.dumps(counts(moderator_of(request)))
    tag = quote_etag(hashlib.sha256(body.encode()).hexdigest()[:16])
    same = request.headers.get("If-None-Match") == tag
    answer = HttpResponse(status=304) if same else HttpResponse(body, content_type="application/json")
    answer["ETag"] = tag
    return answer


def show_case(request: HttpRequest, case: Case, filters: Filters, *, refused: str = "") -> HttpResponse:
    """A case in the middle and on the right."""
    moderator = moderator_of(request)
    if not is_part(request):
        if refused:
            messages.warning(request, refused)
        return redirect(address_of(filters, case.pk))
    context = _case(case, moderator, filters) | {"refused": refused}
    answer = HttpResponse(render_to_string("console/moderation/case.html", context, request))
    answer["HX-Retarget"], answer["HX-Reswap"] = "#te-case", "innerHTML"
    return answer


def show_nothing(request: HttpRequest, filters: Filters, words: str = "") -> HttpResponse:
    """Nothing is left for this moderator under these filters."""
    if not is_part(request):
        messages.info(request, words or "Nothing else waits here.")
        return redirect(address_of(filters))
    context = {"filters": filters, "skipped": len(skipped(request)), "words": words}
    answer = HttpResponse(render_to_string("console/moderation/nothing.html", context, request))
    answer["HX-Retarget"], answer["HX-Reswap"] = "#te-case", "innerHTML"
    return answer


def tell(answer: HttpResponse, **events: Any) -> HttpResponse:
    """Have events happen in the browser, once the answer is in place."""
    answer["HX-Trigger-After-Swap"] = json.dumps({f"moderation:{name}": detail for name, detail in events.items()})
    return answer


def address_of(filters: Filters, case_id: UUID | None = None) -> str:
    query = "&".join(part for part in (filters.query, f"case={case_id}" if case_id else "") if part)
    return reverse(f"admin:{HOME}") + (f"?{query}" if query else "")


def skipped(request: HttpRequest) -> list[UUID]:
    """The cases that this moderator has put aside in this session."""
    found = [as_uuid(str(text)) for text in request.session.get(SKIPPED, [])]
    return [case_id for case_id in found if case_id]


def _list(filters: Filters, moderator: User, after: str) -> dict[str, Any]:
    found, key = rows(filters, moderator, after=after)
    return {"rows": found, "more": key, "viewer": moderator}


def _case(case: Case, moderator: User, filters: Filters) -> dict[str, Any]:
    return case_context(case, moderator) | {"filters": filters, "viewer": moderator, "now": database_now()}


@register_panel(Area.CARDS, permission=PERMISSION, order=15)
def cases_waiting(request: HttpRequest) -> Card:
    found = counts(moderator_of(request))
    overdue = found["overdue"]
    note = f"{overdue} overdue" if overdue else "none overdue" if found["all"] else "Nothing waits."
    return Card("Cases", found["all"], note, "shield_person", reverse(f"admin:{HOME}"), urgent=overdue > 0)


def count_open(request: HttpRequest) -> int:
    """The number on the sidebar's link."""
    return Case.objects.open().count()


register_links(MODERATION, Link("Moderation", HOME, "shield_person", permission=PERMISSION, order=5, badge=count_open))
