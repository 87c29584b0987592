"""What reports, cases and appeals are held to."""

from trustengine import environment as env

REPORTS_PER_MINUTE = env.integer("REPORTS_PER_MINUTE", 10, minimum=1)
REPORTS_PER_DAY = env.integer("REPORTS_PER_DAY", 100, minimum=1)
CASE_CLAIM_MINUTES = env.integer("CASE_CLAIM_MINUTES", 10, minimum=1, maximum=1_440)
CASE_DOUBLES_HOURS = env.integer("CASE_DOUBLES_HOURS", 24, minimum=1, maximum=8_760)
CASE_DUE_HOURS = {
    "pending": env.integer("PENDING_DUE_HOURS", 24, minimum=1, maximum=8_760),
    "reports": env.integer("REPORTS_DUE_HOURS", 24, minimum=1, maximum=8_760),
    "appeals": env.integer("APPEALS_DUE_HOURS", 168, minimum=1, maximum=8_760),
    "restricted": env.integer("RESTRICTED_DUE_HOURS", 72, minimum=1, maximum=8_760),
}
BRIGADE_REPORTS = env.integer("BRIGADE_REPORTS", 5, minimum=2, maximum=10_000)
BRIGADE_MINUTES = env.integer("BRIGADE_MINUTES", 60, minimum=1, maximum=10_080)
UNDO_SECONDS = env.integer("UNDO_SECONDS", 120, minimum=0, maximum=86_400)
APPEAL_DAYS = env.integer("APPEAL_DAYS", 183, minimum=1, maximum=3_650)
EVIDENCE_MAX_BYTES = env.integer("EVIDENCE_MAX_BYTES", 10_485_760, minimum=1_024, maximum=104_857_600)
EVIDENCE_MAX_FILES = env.integer("EVIDENCE_MAX_FILES", 5, minimum=1, maximum=100)
EVIDENCE_MAX_PAGES = env.integer("EVIDENCE_MAX_PAGES", 200, minimum=1, maximum=10_000)
LISTING_LIKENESS = env.integer("LISTING_LIKENESS", 60, maximum=100)
LISTING_COPY_LIKENESS = env.integer("LISTING_COPY_LIKENESS", 90, minimum=1, maximum=100)
TRANSPARENCY_MIN_COUNT = env.integer("TRANSPARENCY_MIN_COUNT", 1, minimum=1, maximum=1_000)
