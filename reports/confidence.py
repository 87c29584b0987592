"""Which entries of the audit are of reporters, whom moderators do not know."""

from trustengine.audit.reading import keep_in_confidence

keep_in_confidence("report.submitted")
keep_in_confidence("report.withdrawn")
keep_in_confidence("report.evidence_added")
keep_in_confidence("appeal.made", role="reporter")
