"""How the job system fares, for people to read: errors by kind, workers, and what is running."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import django_rq
from django.db.models import Count, F, Max, Min, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job as Message
from rq.worker import BaseWorker, Worker

from trustengine.jobs.bells import DRAIN
from trustengine.jobs.models import Job
from trustengine.redis_json import Messages

State = Job.State
NOT_DONE = [State.READY, State.RUNNING, State.DEAD]  # spelled out, so that the index of open jobs serves


@dataclass(frozen=True)
class ErrorCount:
    """How many jobs of a kind that are not done failed last in one way."""

    type: str
    count: int
    last_at: datetime | None


@dataclass(frozen=True)
class KindOverview:
    """The jobs of one kind that are not done. ``errors`` begins with the latest."""

    kind: str
    due: int
    later: int
    running: int
    dead: int
    most_attempts: int
    oldest_due: datetime | None
    errors: Sequence[ErrorCount]


@dataclass(frozen=True)
class SeenWorker:
    """What an RQ worker says of itself. ``runs`` is a kind, or empty while it waits."""

    queue: str
    state: str
    place: str
    runs: str
    heartbeat_at: datetime | None
    since: datetime | None
    messages: int


@dataclass(frozen=True)
class Lease:
    """Jobs that one worker has claimed together and not finished."""

    token: UUID
    kind: str
    jobs: int
    since: datetime | None
    heartbeat_at: datetime | None
    until: datetime
    expired: bool


def overview_by_kind() -> list[KindOverview]:
    """Every kind that has jobs not done, those with dead letters first."""
    errors = _errors_by_kind()
    ready, due = Q(state=State.READY), Q(state=State.READY, run_at__lte=Now())
    rows = (
        Job.objects.filter(state__in=NOT_DONE)
        .order_by()
        .values("kind")
        .annotate(
            due=Count("pk", filter=due),
            later=Count("pk", filter=ready & ~due),
            running=Count("pk", filter=Q(state=State.RUNNING)),
            dead=Count("pk", filter=Q(state=State.DEAD)),
            most_attempts=Max("attempts"),
            oldest_due=Min("run_at", filter=due),
        )
    )
    kinds = [KindOverview(**row, errors=errors.get(row["kind"], ())) for row in rows]
    return sorted(kinds, key=lambda kind: (-kind.dead, not kind.errors, kind.kind))


def _errors_by_kind() -> dict[str, list[ErrorCount]]:
    rows = (
        Job.objects.filter(state__in=NOT_DONE, error_details__isnull=False)
        .order_by()
        .values("kind", type=KT("error_details__type"))
        .annotate(count=Count("pk"), last=Max(KT("error_details__at")))
    )
    found: dict[str, list[ErrorCount]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["last"] or "", reverse=True):
        found[row["kind"]].append(ErrorCount(row["type"] or "", row["count"], _moment(row["last"])))
    return found


def leases() -> list[Lease]:
    """What is claimed now, longest first."""
    rows = (
        Job.objects.filter(state=State.RUNNING)
        .order_by()
        .values("kind", token=F("lease_token"))
        .annotate(
            jobs=Count("pk"),
            since=Min("claimed_at"),
            last_heartbeat=Max("heartbeat_at"),
            until=Min("lease_until"),
            expired=Count("pk", filter=Q(lease_until__lt=Now())),
        )
    )
    found = [
        Lease(r["token"], r["kind"], r["jobs"], r["since"], r["last_heartbeat"], r["until"], bool(r["expired"]))
        for r in rows
    ]
    return sorted(found, key=lambda lease: (lease.since is None, lease.since))


def workers() -> list[SeenWorker] | None:
    """The workers that RQ knows, by queue; None while Redis is away."""
    try:
        known = Worker.all(connection=django_rq.get_connection("default"), serializer=Messages)
        seen = [_seen(worker) for worker in known]
    except RedisError:
        return None
    return sorted(seen, key=lambda worker: (worker.queue, worker.place))


def last_errors(places: Sequence[str]) -> dict[str, Job]:
    """For each of these workers, the job not done that failed there last."""
    failed = (
        Job.objects.filter(state__in=NOT_DONE, error_details__isnull=False)
        .annotate(place=KT("error_details__worker"), failed_at=KT("error_details__at"))
        .filter(place__in=places)
    )
    return {job.place: job for job in failed.order_by("place", "-failed_at").distinct("place")}


def _seen(worker: BaseWorker) -> SeenWorker:
    return SeenWorker(
        queue=", ".join(worker.queue_names()),
        state=worker.get_state(),
        place=f"{worker.hostname}:{worker.pid}",
        runs=_subject(worker),
        heartbeat_at=worker.last_heartbeat,
        since=worker.birth_date,
        messages=worker.successful_job_count + worker.failed_job_count,
    )


def _subject(worker: BaseWorker) -> str:
    """The kind that a worker drains, or the function that it runs."""
    try:
        message: Message | None = worker.get_current_job()
        if message is None:
            return ""
        return str(message.args[0]) if message.func_name == DRAIN else str(message.func_name).rpartition(".")[2]
    except (NoSuchJobError, DeserializationError):
        return ""  # it has just finished


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
