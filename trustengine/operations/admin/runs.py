"""Runs, to look at: what backfills and comparisons have done, how far they are, and how to go on."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from trustengine.admin import Area, Card, EvidenceAdmin, Link, register_links, register_panel
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, duration, pill
from trustengine.admin.sidebar import SYSTEM
from trustengine.database_time import database_now
from trustengine.operations.backfilling import backfills
from trustengine.operations.models import Run
from trustengine.operations.runs import last_drift

State = Run.State


@admin.register(Run)
class RunAdmin(EvidenceAdmin):
    """Passes of ``backfill`` and ``reconcile``. They are begun, resumed and reverted by the commands."""

    list_display = ["what", "shown_state", "counted", "who", "took", "started"]
    list_display_links = ["what"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("command", ChoicesDropdownFilter),
        ("started_at", DayRangeFilter),
    ]
    search_fields = ["target__startswith", "who__startswith"]
    search_help_text = "A target, who began it, or an id"
    ordering = ["-started_at", "-id"]
    sortable_by = ()
    change_form_template = "console/operations/run.html"
    fields = ()

    @admin.display(description="Run")
    def what(self, run: Run) -> str:
        return what(run)

    @admin.display(description="State")
    def shown_state(self, run: Run) -> SafeString:
        return pill("silent", "danger") if run.is_silent else pill(run.state)

    @admin.display(description="Counts")
    def counted(self, run: Run) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in run.counted if count) or "–"

    @admin.display(description="Took")
    def took(self, run: Run) -> str:
        return length(run)

    @admin.display(description="Started")
    def started(self, run: Run) -> SafeString | str:
        return age(run.started_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = _page(run) if isinstance(run, Run) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def what(run: Run) -> str:
    """A run in words: "backfill order-status", "revert order-status"."""
    return f"{'revert' if run.reverts_id else run.command} {run.target}"


def length(run: Run) -> str:
    """How long a run has taken, or takes already."""
    taken = (run.finished_at or database_now()) - run.started_at
    return f"{taken.total_seconds():.1f} s" if taken.total_seconds() < 60 else duration(taken)


def commands(run: Run) -> dict[str, str]:
    """What an operator can do about a run, each with the command that does it."""
    if run.command != Run.Command.BACKFILL:
        return {"Look again": f"manage.py reconcile {run.target}"} if run.drift else {}
    revert = run.revert_id
    offers = {}
    if not revert and (run.is_silent or run.state in (State.INTERRUPTED, State.FAILED)):
        offers["Go on"] = f"manage.py backfill {run.target} --resume {run.pk}"
    target = backfills().get(run.target)
    idle = run.is_silent or run.state in (State.INTERRUPTED, State.FAILED, State.DONE)
    if target and target.revertible and idle and not run.reverts_id:
        offers["Revert"] = f"manage.py backfill {run.target} --revert {run.pk}"
    return offers


def _page(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "heading": what(run),
        "commands": commands(run),
        "examples": [_example(each) for each in run.examples],
        "length": length(run),
    }


def _example(example: dict[str, Any]) -> tuple[str, list[tuple[str, Any, Any]]]:
    """A key with what differs about it: what was found, and what is right."""
    before = example.get("before") or example.get("found") or {}
    after = example.get("after") or example.get("expected") or {}
    differing = [name for name in dict.fromkeys([*after, *before]) if before.get(name) != after.get(name)]
    return example["key"], [(name, before.get(name), after.get(name)) for name in differing]


@register_panel(Area.CARDS, permission="operations.view_run", order=55)
def last_reconcile(request: HttpRequest) -> Card:
    """What the last whole comparison of every target found."""
    found = last_drift()
    page = reverse("admin:operations_run_changelist") + "?command__exact=reconcile"
    if not found:
        return Card("Last reconcile", "–", "Nothing has been compared yet.", "rule", page)
    drifted = {target: count for target, (count, _) in found.items() if count}
    since = duration(database_now() - min(at for _, at in found.values()))
    ago = since if since == "just now" else f"{since} ago"
    note = ", ".join(f"{count:,} {target} drift" for target, count in drifted.items()) or f"no drift, {ago}"
    return Card("Last reconcile", sum(drifted.values()), note, "rule", page, urgent=bool(drifted))


register_links(
    SYSTEM,
    Link("Runs", "operations_run_changelist", "rule", permission="operations.view_run", order=30),
)
