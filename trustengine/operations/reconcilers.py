"""The outbox's own invariants; the domain apps' values are reconciled by modules of theirs."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from trustengine.bulk import Among
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
        forgotten = Q(state=State.RUNNING, lease_until__lt=timezone.now() - FORGOTTEN_AFTER)
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
        Job.objects.filter(pk=drift.key).update(**{moment: timezone.now()})
