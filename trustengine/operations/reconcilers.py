"""The invariants of the outbox and of the audit log; the domain apps' values are reconciled by modules of theirs."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from trustengine.audit.chain import check_seals
from trustengine.audit.models import Seal
from trustengine.audit.problems import Problem
from trustengine.audit.verification import SEALS_PER_BATCH, missing_anchors, outside
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.jobs.models import Job
from trustengine.jobs.sweep import return_expired_leases
from trustengine.operations.registry import Drift, Reconciler, reconciler

State = Job.State
# The sweep runs every few seconds; what it has not picked up by then, nobody will.
FORGOTTEN_AFTER = timedelta(minutes=5)


@reconciler("jobs")
class Jobs(Reconciler):
    """Jobs against the clock: no lease long run out, and every end with its time, by which it is pruned or shown."""

    about = "jobs.job"

    def rows(self) -> QuerySet[Any]:
        return Job.objects.all()

    def changed(self, since: datetime) -> QuerySet[Any]:
        return Job.objects.filter(Q(created_at__gte=since) | Q(finished_at__gte=since) | Q(heartbeat_at__gte=since))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        forgotten = Q(state=State.RUNNING, lease_until__lt=database_now() - FORGOTTEN_AFTER)
        endless = Q(state=State.DONE, finished_at=None)
        invisible = Q(state=State.DEAD, dead_letter_at=None)
        for job in Job.objects.filter(Among("pk", ids)).filter(forgotten | endless | invisible).order_by("pk"):
            if job.state == State.RUNNING:
                yield Drift(job.pk, {"state": "ready or dead"}, {"state": "running", "lease_until": job.lease_until})
            else:
                moment = "finished_at" if job.state == State.DONE else "dead_letter_at"
                yield Drift(job.pk, {"state": job.state, moment: "a time"}, {"state": job.state, moment: None})

    def lock(self, key: UUID) -> None:
        Job.objects.select_for_update(no_key=True).filter(pk=key).first()

    def repair(self, drift: Drift) -> None:
        if drift.found["state"] == State.RUNNING:
            return_expired_leases()
            return
        moment = "finished_at" if drift.found["state"] == State.DONE else "dead_letter_at"
        Job.objects.filter(pk=drift.key).update(**{moment: database_now()})


@reconciler("audit")
class Audit(Reconciler):
    """The log against its seals, as ``verify_audit`` does. Nothing can be fixed: the seal is what is believed."""

    about = "audit.seal"
    most_keys = SEALS_PER_BATCH
    remedy = "the log cannot be fixed; docs/operating.md says what to do about tampering"

    def rows(self) -> QuerySet[Any]:
        return Seal.objects.all()

    def changed(self, since: datetime) -> QuerySet[Any]:
        return Seal.objects.filter(sealed_at__gte=since)

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        numbers = Seal.objects.filter(Among("pk", ids)).values_list("number", flat=True)
        yield from map(_as_drift, check_seals(list(numbers)))

    def at_large(self) -> Iterable[Drift]:
        yield from map(_as_drift, missing_anchors())
        yield from map(_as_drift, outside())

    def lock(self, key: UUID) -> None:
        raise NotImplementedError(self.remedy)

    def repair(self, drift: Drift) -> None:
        raise NotImplementedError(self.remedy)


def _as_drift(problem: Problem) -> Drift:
    """Keyed by the entry, else by the seal at hand: of a removed seal that is the next one, if any."""
    key = problem.entry or problem.seal_id or UUID(int=0)
    return Drift(key, {"problem": None}, {"problem": problem.kind, "says": str(problem)})
