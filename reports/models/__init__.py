from reports.models.case import Case, CaseQuerySet, ContentType, LookBack
from reports.models.catalogue import ReasonCode
from reports.models.decision import Action, Appeal, Decision, DecisionText, Proposal, StatementOfReasons
from reports.models.report import Evidence, Report, ReporterRecord, ReportQuerySet

__all__ = [
    "Action",
    "Appeal",
    "Case",
    "CaseQuerySet",
    "ContentType",
    "Decision",
    "DecisionText",
    "Evidence",
    "LookBack",
    "Proposal",
    "ReasonCode",
    "Report",
    "ReportQuerySet",
    "ReporterRecord",
    "StatementOfReasons",
]
