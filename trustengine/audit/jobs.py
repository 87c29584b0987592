import structlog

from trustengine.audit.sealing import seal_waiting
from trustengine.audit.verification import keep, verify
from trustengine.jobs.registry import job, scheduled

logger = structlog.get_logger(__name__)

SEALING_SECONDS = 40.0  # then the next minute's job goes on


@scheduled("* * * * *")
@job(atomic=False)
def seal_entries() -> dict[str, int]:
    """Seal the entries that wait. Each seal commits by itself, so an interruption loses nothing."""
    return {"sealed": seal_waiting(seconds=SEALING_SECONDS)}


@scheduled("40 3 * * *")
@job(queue="low", atomic=False)
def verify_seals() -> dict[str, int]:
    """Verify the whole log every night; what was found stands in the console and in the log."""
    report = verify()
    keep(report)
    for problem in report.problems:
        logger.error("audit_tampering", kind=problem.kind, problem=str(problem))
    return {"last_seal": report.last_seal, "entries": report.entries, "problems": report.found}
