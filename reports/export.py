"""What reports hold about a person: what they reported, what they were told, what they said to it."""

from collections.abc import Iterator

from django.db.models import Prefetch

from reports.models import Appeal, Evidence, Report, ReporterRecord, StatementOfReasons
from trustengine.accounts.exporting import Row, exporter, in_batches
from trustengine.accounts.models import User

REPORT = (
    "id",
    "content_type",
    "content_id",
    "reason_id",
    "description",
    "status",
    "created_at",
    "reviewed_at",
)
EVIDENCE = ("id", "kind", "content_type", "byte_count", "page_count", "sha256", "created_at")
DECISION = ("action", "reason_id", "content_type", "content_id", "automated", "created_at")
STATEMENT = ("id", "decision_id", "role", "text", "about", "created_at", "mailed_at")
APPEAL = ("id", "decision_id", "role", "text", "state", "ruling_text", "created_at", "ruled_at", "mailed_at")


@exporter("reports.reports", "reports.Report", "reports.Evidence")
def reports(user: User) -> Iterator[Row]:
    """With their outcomes; not by whom, nor the words of others as they were then."""
    evidence = Prefetch("evidence", Evidence.objects.order_by("pk"))
    for report in in_batches(Report.objects.filter(reporter=user).prefetch_related(evidence)):
        yield _members(report, REPORT) | {"evidence": [_members(file, EVIDENCE) for file in report.evidence.all()]}


@exporter("reports.statements", "reports.StatementOfReasons", "reports.Decision")
def statements(user: User) -> Iterator[Row]:
    """The decisions that they have been told of, as they were told; by whom is no part of that."""
    for statement in in_batches(StatementOfReasons.objects.filter(recipient=user).select_related("decision")):
        yield _members(statement, STATEMENT) | {"decision": _members(statement.decision, DECISION)}


@exporter("reports.appeals", "reports.Appeal")
def appeals(user: User) -> Iterator[Row]:
    yield from in_batches(Appeal.objects.filter(appellant=user).values(*APPEAL))


@exporter("reports.record", "reports.ReporterRecord")
def reporter_record(user: User) -> Iterator[Row]:
    """What became of their reports, by which the next one is weighed."""
    for row in ReporterRecord.objects.filter(user=user):
        yield _members(row, ("actioned", "dismissed", "computed_at"))


def _members(row: object, names: tuple[str, ...]) -> Row:
    return {name: getattr(row, name) for name in names}
