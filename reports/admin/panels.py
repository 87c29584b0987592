"""What moderation puts on the home page and into the sidebar."""

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse

from reports.models import Case, Decision, Proposal
from trustengine.admin import Area, Card, Chart, Link, Panel, Series, register_links, register_panel
from trustengine.admin.days import filled, labels, last_days, start_of
from trustengine.admin.presentation import duration
from trustengine.admin.sidebar import MODERATION
from trustengine.database_time import database_now

CASES = "admin:reports_case_changelist"
# Four lines for eleven actions: more could not be told apart.
LINES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Approved or shown again", "--color-primary-500", ("approve", "restore", "overturn")),
    ("Rejected", "--te-rejected", ("reject",)),
    ("Taken out of sight", "--te-warm", ("hide", "remove", "restrict", "warn", "suspend")),
    ("Dismissed", "--color-base-400", ("dismiss",)),
)


@register_panel(Area.CARDS, permission="reports.view_case", order=12)
def overdue_cases(request: HttpRequest) -> Card:
    found = Case.objects.overdue().aggregate(count=Count("pk"), oldest=Min("due_at"))
    note = f"the oldest by {duration(database_now() - found['oldest'])}" if found["oldest"] else "All are in time."
    url = f"{reverse(CASES)}?saved=overdue"
    return Card("Overdue cases", found["count"], note, "alarm", url, urgent=bool(found["count"]))


@register_panel(Area.LISTS, permission="reports.view_case", order=5)
def cases_per_queue(request: HttpRequest) -> Panel:
    now = database_now()
    found = Case.objects.open().order_by().values_list("queue")
    counts = {
        queue: (count, late)
        for queue, count, late in found.annotate(count=Count("pk"), late=Count("pk", filter=Q(due_at__lt=now)))
    }
    rows = []
    for queue in Case.Queue:
        count, late = counts.get(queue.value, (0, 0))
        rows.append(
            {"title": queue.label, "count": count, "late": late, "url": f"{reverse(CASES)}?saved={queue.value}"}
        )
    if request.user.has_perm("reports.view_proposal"):
        waiting = Proposal.objects.filter(state=Proposal.State.OPEN).count()
        url = f"{reverse('admin:reports_proposal_changelist')}?saved=open"
        rows.append({"title": "Proposals for a second person", "count": waiting, "late": 0, "url": url})
    return Panel("Cases", "console/reports/queues.html", {"rows": rows}, reverse(CASES))


@register_panel(Area.CHARTS, permission="reports.view_decision", order=12)
def decisions_per_day(request: HttpRequest) -> Chart:
    days = last_days()
    rows = (
        Decision.objects.filter(created_at__gte=start_of(days[0]))
        .order_by()
        .values_list("action", TruncDate("created_at"))
        .annotate(Count("pk"))
    )
    counts = {(action, day): count for action, day, count in rows}
    series, told = [], []
    for title, colour, actions in LINES:
        by_day = {day: sum(counts.get((action, day), 0) for action in actions) for day in days}
        series.append(Series(title, filled(days, by_day), colour))
        told.append(f"{sum(by_day.values()):,} {title.lower()}")
    summary = f"{', '.join(told)} in {len(days)} days" if counts else "No decision in 14 days."
    return Chart("Decisions per day", summary, labels(days), series)


register_links(
    MODERATION,
    Link("Cases", "reports_case_changelist", "inbox", permission="reports.view_case", order=12),
    Link("Reports", "reports_report_changelist", "flag", permission="reports.view_report", order=14),
    Link("Appeals", "reports_appeal_changelist", "balance", permission="reports.view_appeal", order=16),
    Link("Proposals", "reports_proposal_changelist", "group", permission="reports.view_proposal", order=17),
    Link("Decisions", "reports_decision_changelist", "fact_check", permission="reports.view_decision", order=18),
    Link(
        "Statements",
        "reports_statementofreasons_changelist",
        "mark_email_read",
        permission="reports.view_statementofreasons",
        order=60,
    ),
    Link("Look-backs", "reports_lookback_changelist", "undo", permission="reports.view_lookback", order=62),
    Link("Reasons", "reports_reasoncode_changelist", "rule", permission="reports.view_reasoncode", order=64),
)
