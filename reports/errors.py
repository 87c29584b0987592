"""What the rules of reports and moderation refuse."""

from reviews.errors import CaseChanged, ConflictOfInterest
from trustengine.errors import DomainError

__all__ = [
    "AlreadyAppealed",
    "AlreadyReported",
    "AppealWindowClosed",
    "CaseChanged",
    "CaseClaimed",
    "ConflictOfInterest",
    "SelfReportProhibited",
]


class SelfReportProhibited(DomainError):
    status = 403
    code = "SELF_REPORT_PROHIBITED"
    message = "You cannot report what is your own."


class AlreadyReported(DomainError):
    status = 409
    code = "ALREADY_REPORTED"
    message = "You have reported this before. A report counts once, also when it has been withdrawn."


class CaseClaimed(DomainError):
    status = 409
    code = "CASE_CLAIMED"
    message = "Somebody else is working on this case."


class AlreadyAppealed(DomainError):
    status = 409
    code = "ALREADY_APPEALED"
    message = "You have appealed against this decision before."


class AppealWindowClosed(DomainError):
    status = 409
    code = "APPEAL_WINDOW_CLOSED"
    message = "The time for an appeal is over."
