"""The moderators' console, and moderation as lists."""

from reports.admin import console, panels
from reports.admin.appeals import AppealAdmin
from reports.admin.cases import CaseAdmin
from reports.admin.decisions import DecisionAdmin, StatementAdmin
from reports.admin.look_backs import LookBackAdmin
from reports.admin.proposals import ProposalAdmin
from reports.admin.reasons import ReasonCodeAdmin
from reports.admin.reports import ReportAdmin

__all__ = [
    "AppealAdmin",
    "CaseAdmin",
    "DecisionAdmin",
    "LookBackAdmin",
    "ProposalAdmin",
    "ReasonCodeAdmin",
    "ReportAdmin",
    "StatementAdmin",
    "console",
    "panels",
]
