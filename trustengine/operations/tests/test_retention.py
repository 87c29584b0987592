"""How long rows are kept: each table has a job that prunes it, or a reason for none."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.apps import apps

from trustengine.accounts.models import UserSession
from trustengine.database_time import database_now
from trustengine.jobs.registry import schedules
from trustengine.jobs.retention import prune_kept, retentions
from trustengine.operations.models import Run, RunChange

# The scheduled job that takes a table's rows away.
PRUNED_BY = {
    "api.PassedActions": "api.prune",
    "api.StoredAnswer": "api.prune",
    "axes.AccessAttemptExpiration": "jobs.prune_kept_rows",  # with its attempt
    "audit.Unsealed": "audit.seal_entries",
    "billing.CapacityLease": "billing.forget_leases",
    "billing.CapacityRefusals": "billing.forget_leases",
    "billing.Holding": "billing.release_held_money",
    "billing.UsageReservation": "billing.end_reservations",
    "jobs.CronSlot": "jobs.prune",
    "jobs.Job": "jobs.prune",
    "reviews.ReviewHeat": "reviews.forget",
}
FACTS = "facts that numbers are proved from"
MONEY = "books: kept as long as the law asks for books"
REASONS = "decisions and their reasons, which appeals and transparency reports ask for"
PEOPLE = "one per person or less; erasure empties or deletes them"
DERIVED = "derived: one per key, not per event"
SETTINGS = "made by hand"
KEPT = {
    "accounts": PEOPLE,
    "admin.LogEntry": "the console's own log: who changed what, beside the audit",
    "audit": "the audit log is never pruned",
    "auth": SETTINGS,
    "billing": MONEY,
    "contenttypes": SETTINGS,
    "metrics": DERIVED,
    "orders": FACTS,
    "reports": REASONS,
    "reviews": FACTS,
    "sessions.Session": "empty since sessions know their user",
    "django_rq.Dashboard": "no table",
    "django_rq.Queue": "no table",
}


def test_every_table_has_a_job_that_prunes_it_or_a_reason_for_none():
    unexplained = []
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        known = label in PRUNED_BY or label in retentions() or label in KEPT or model._meta.app_label in KEPT
        if not known:
            unexplained.append(label)

    assert not unexplained


def test_the_jobs_that_prune_exist_and_have_a_schedule():
    scheduled = {schedule.name for schedule in schedules()} | {schedule.handler.kind for schedule in schedules()}

    assert {*PRUNED_BY.values(), "jobs.prune_kept_rows"} <= scheduled


def test_what_grows_without_an_end_is_pruned():
    assert set(retentions()) >= {
        "axes.AccessAttempt",
        "axes.AccessFailureLog",
        "axes.AccessLog",
        "accounts.UserSession",
        "operations.Run",
        "operations.RunChange",
    }


@pytest.mark.django_db
def test_failed_sign_ins_and_ended_sessions_go_after_their_time(settings):
    settings.SIGN_IN_FAILURE_DAYS = 30
    now = database_now()
    for days in (29, 31, 400):
        attempt = AccessAttempt.objects.create(
            username=f"{days}", ip_address="203.0.113.9", user_agent="x", failures_since_start=1
        )
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=now - timedelta(days=days))
    UserSession.objects.create(session_key="over", session_data="x", expire_date=now - timedelta(seconds=1))
    UserSession.objects.create(session_key="live", session_data="x", expire_date=now + timedelta(hours=1))

    pruned = prune_kept()

    assert (pruned["axes.AccessAttempt"], pruned["accounts.UserSession"]) == (2, 1)
    assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["29"]
    assert list(UserSession.objects.values_list("session_key", flat=True)) == ["live"]
    assert set(prune_kept().values()) == {0}


@pytest.mark.django_db
def test_runs_go_after_their_time_but_for_the_latest_comparisons(settings):
    settings.RUN_RETENTION_DAYS = 90
    long_ago = database_now() - timedelta(days=91)

    def run(command, target, *, state="done", at=long_ago, **fields):
        ended = None if state == "running" else at
        return Run.objects.create(
            command=command, target=target, who="x", state=state, started_at=at, finished_at=ended, **fields
        )

    run("reconcile", "votes", at=long_ago - timedelta(days=1))
    latest = run("reconcile", "votes")
    fresh = run("reconcile", "ratings", at=database_now())
    running = run("backfill", "order-status", state="running")
    reverted = run("backfill", "order-status", state="reverted")
    run("backfill", "order-status", reverts=reverted)
    changed = run("backfill", "order-status")
    RunChange.objects.create(run=changed, key="1", before={}, after={})
    RunChange.objects.create(run=reverted, key="1", before={}, after={})

    for _ in range(3):  # an hour apart: a reverted run goes after its revert
        prune_kept()

    assert set(Run.objects.values_list("pk", flat=True)) == {latest.pk, fresh.pk, running.pk}
    assert not RunChange.objects.exists()
