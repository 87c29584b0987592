import json
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from trustengine.database_time import database_now
from trustengine.jobs.models import Job, JobQuerySet
from trustengine.jobs.registry import handlers
from trustengine.jobs.retention import OVER_SINCE
from trustengine.operations.job_services import purge_jobs, retry_jobs

BAD_ARGUMENTS = 2
REASON = "command"
SHOWN = ("id", "kind", "key", "state", "priority", "attempts", "max_attempts", "run_at", "created_at", "error_details")

EXAMPLES = """
examples:
  manage.py jobs list --state dead              what has been given up, latest first
  manage.py jobs list --kind reviews.fold_votes --json
  manage.py jobs retry 0190c1…                  one dead letter, by its id
  manage.py jobs retry --kind reviews.screen_review
  manage.py jobs purge --days 30 --state dead   dead letters that nobody has wanted for a month

exit codes: 0 done; 1 some of the given ids are no dead letters; 2 bad arguments
"""


class Command(BaseCommand):
    help = "Look at jobs, try dead letters again, delete jobs that are over. Each change leaves audit entries."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|retry|purge")

        listing = actions.add_parser("list", help="show jobs, the latest first")
        listing.add_argument("--kind", metavar="KIND", help="only this kind, such as reviews.fold_votes")
        listing.add_argument("--state", choices=Job.State.values, help="only jobs in this state")
        listing.add_argument("--limit", metavar="N", type=_positive, default=50, help="at most so many (default: 50)")
        listing.add_argument("--json", action="store_true", help="print one array of objects, with errors in full")

        retry = actions.add_parser("retry", help="make dead letters ready again, with all their attempts")
        which = retry.add_mutually_exclusive_group()
        retry.add_argument("ids", metavar="ID", nargs="*", type=_identifier, help="the ids of dead letters")
        which.add_argument("--kind", metavar="KIND", help="every dead letter of this kind")
        which.add_argument("--all", action="store_true", help="every dead letter")

        purge = actions.add_parser("purge", help="delete jobs that are over")
        days = settings.JOB_RETENTION_DAYS
        over = [str(state) for state in OVER_SINCE]
        purge.add_argument("--days", metavar="N", type=_days, default=days, help=f"over for N days (default: {days})")
        purge.add_argument("--state", choices=over, default=str(Job.State.DONE), help="which (default: done)")

    def handle(self, *args: Any, **options: Any) -> None:
        {"list": self._list, "retry": self._retry, "purge": self._purge}[options["action"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        jobs = _of_kind(options["kind"])
        if options["state"]:
            jobs = jobs.filter(state=options["state"])
        rows = list(jobs.order_by("-created_at", "-pk").values(*SHOWN)[: options["limit"]])
        if options["json"]:
            self.stdout.write(json.dumps(rows, cls=DjangoJSONEncoder))
            return
        for row in rows:
            error = (row["error_details"] or {}).get("type", "")
            due = timezone.localtime(row["run_at"])
            line = "{id}  {state:7}  {attempts} of {max_attempts}  {due:%Y-%m-%d %H:%M:%S}  {kind} {key}  {error}"
            self.stdout.write(line.format(**row, due=due, error=error).rstrip())

    def _retry(self, options: dict[str, Any]) -> None:
        ids, chosen = set(options["ids"]), bool(options["kind"] or options["all"])
        if bool(ids) == chosen:
            raise CommandError("say which: either ids, or --kind KIND, or --all", returncode=BAD_ARGUMENTS)
        jobs = Job.objects.filter(pk__in=ids) if ids else _of_kind(options["kind"])
        count = retry_jobs(jobs, actor=None, reason=REASON)
        self.stdout.write(f"{count:,} retried")
        if count < len(ids):
            raise CommandError(f"{len(ids) - count:,} of the given ids are no dead letters")

    def _purge(self, options: dict[str, Any]) -> None:
        before = database_now() - timedelta(days=options["days"])
        self.stdout.write(f"{purge_jobs(options['state'], before=before, actor=None):,} deleted")


def _of_kind(kind: str | None) -> JobQuerySet:
    """Every job of a kind, or of all. Raises CommandError for one that neither the code nor the table knows."""
    if kind is None:
        return Job.objects.all()
    jobs = Job.objects.filter(kind=kind)
    if kind not in {handler.kind for handler in handlers()} and not jobs.exists():
        raise CommandError(f"there is no kind {kind}", returncode=BAD_ARGUMENTS)
    return jobs


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an id") from None


def _positive(text: str) -> int:
    return _whole(text, least=1, most=100_000)


def _days(text: str) -> int:
    return _whole(text, least=0, most=36_500)


def _whole(text: str, *, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ArgumentTypeError(f"must be a whole number from {least:,} to {most:,}")
    return int(text)
