"""What operators see and do in the console: retry, bury, errors by kind, workers."""

from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import django_rq
import pytest
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.jobs.tests.conftest import messages
from trustengine.jobs.worker import DrainWorker
from trustengine.operations.tests.job_rows import dead_job, waiting_job
from trustengine.redis_json import Messages

__all__ = ["messages"]
pytestmark = pytest.mark.django_db

JOBS, ERRORS, WORKERS = "/admin/jobs/job/", "/admin/jobs/job/errors/", "/admin/jobs/job/workers/"
PLACE = "machine:4711"


@pytest.fixture
def operator():
    return StaffFactory(groups=["Operators"])


@pytest.fixture
def console(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def onlooker(client):
    client.force_login(StaffFactory(permissions=["jobs.view_job"]))
    return client


@pytest.fixture
def worker(messages):
    """What a worker process leaves in Redis."""
    worker = DrainWorker([django_rq.get_queue("default")], connection=django_rq.get_connection("default"))
    worker.hostname, worker.pid = PLACE.split(":")
    worker.register_birth()
    yield worker
    worker.register_death()


def choose(client, action, *jobs):
    return client.post(JOBS, {"action": action, "_selected_action": [job.pk for job in jobs]}, follow=True)


def operate(job):
    return reverse("admin:jobs_job_operate", args=[job.pk])


def test_selected_dead_letters_are_retried_in_the_operators_name(console, operator):
    dead, waiting = dead_job(), waiting_job()

    content = choose(console, "retry", dead, waiting).content.decode()

    assert "1 job will be tried again." in content
    assert Job.objects.get(pk=dead.pk).state == "ready"
    assert Entry.objects.get(verb="job.retried").actor_id == operator.pk


def test_selected_jobs_that_wait_are_buried(console):
    assert "2 jobs buried." in choose(console, "bury", waiting_job(), waiting_job()).content.decode()
    assert set(Job.objects.values_list("state", flat=True)) == {"dead"}


def test_an_action_that_fits_nothing_says_so(console):
    assert "No dead letter was among them" in choose(console, "retry", waiting_job()).content.decode()


def test_the_page_of_a_job_offers_what_fits_its_state(console):
    def buttons(job):
        content = console.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()
        return [action for action in ("retry", "bury") if f'name="action" value="{action}"' in content]

    assert buttons(dead_job()) == ["retry"]
    assert buttons(waiting_job()) == ["bury"]
    assert buttons(waiting_job(state="done", finished_at=timezone.now())) == []


def test_one_job_is_buried_and_retried_from_its_page(console):
    job = waiting_job()

    console.post(operate(job), {"action": "bury"})
    assert Job.objects.get().state == "dead"

    assert "tried again" in console.post(operate(job), {"action": "retry"}, follow=True).content.decode()
    assert Job.objects.get().state == "ready"


def test_whoever_may_only_look_changes_nothing(onlooker):
    job = dead_job()

    assert 'value="retry"' not in onlooker.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()
    assert onlooker.post(operate(job), {"action": "retry"}).status_code == 403
    choose(onlooker, "retry", job)
    assert Job.objects.get().state == "dead"


def test_jobs_are_not_changed_by_following_a_link(console):
    assert console.get(operate(dead_job())).status_code == 405


def test_errors_are_summed_up_by_kind(console):
    now = timezone.now()
    for minutes in (40, 20):
        error = {"type": "KeyError", "message": "", "at": (now - timedelta(minutes=minutes)).isoformat()}
        dead_job(error_details=error)
    error = {"type": "OSError", "message": "", "at": (now - timedelta(minutes=3)).isoformat()}
    waiting_job(error_details=error, attempts=2, run_at=now + timedelta(minutes=5))
    waiting_job(run_at=now - timedelta(hours=3))
    waiting_job(kind="reviews.fold_votes", state="done", finished_at=now)

    answer = console.get(ERRORS)
    (kind,) = answer.context["kinds"]

    assert (kind.kind, kind.due, kind.later, kind.running, kind.dead) == ("reviews.screen_review", 1, 1, 0, 2)
    assert (kind.most_attempts, kind.oldest_due) == (8, now - timedelta(hours=3))
    assert [(error.type, error.count) for error in kind.errors] == [("OSError", 1), ("KeyError", 2)]
    content = answer.content.decode()
    for words in ("OSError", "last <time", "3 h", "state__exact=dead"):
        assert words in content


def test_a_system_without_open_jobs_says_so(console):
    assert "Every job is done." in console.get(ERRORS).content.decode()


def test_a_worker_is_shown_with_its_queue_its_place_and_what_failed_on_it_last(console, worker):
    for minutes, kind in ((9, "a.earlier"), (4, "a.latest")):
        at = (timezone.now() - timedelta(minutes=minutes)).isoformat()
        dead_job(kind=kind, error_details={"type": "KeyError", "worker": PLACE, "at": at})

    answer = console.get(WORKERS)
    ((seen, failed, silent),) = answer.context["workers"]

    assert (seen.queue, seen.place, seen.runs, silent) == ("default", PLACE, "", False)
    assert failed.kind == "a.latest"
    assert PLACE in answer.content.decode()


def test_a_worker_that_drains_is_shown_with_the_kind(console, worker):
    from rq.job import Job as Message

    message = Message.create(
        "trustengine.jobs.runner.drain", ["reviews.fold_votes"], connection=worker.connection, serializer=Messages
    )
    message.save()
    worker.set_current_job_id(message.id)

    ((seen, _, _),) = console.get(WORKERS).context["workers"]
    assert seen.runs == "reviews.fold_votes"

    message.delete()  # it ends between the two looks
    ((seen, _, _),) = console.get(WORKERS).context["workers"]
    assert seen.runs == ""


def test_an_idle_worker_that_has_not_been_heard_of_for_minutes_is_called_silent(console, worker):
    later = timezone.now() + timedelta(minutes=5)
    with patch("trustengine.operations.admin.job_pages.database_now", return_value=later):
        content = console.get(WORKERS).content.decode()

    assert "silent" in content


def test_leases_are_read_from_the_database_also_while_redis_is_away(console, settings, tmp_path):
    token = uuid4()
    now = timezone.now()
    lease = {"state": "running", "attempts": 1, "lease_token": token, "claimed_at": now, "heartbeat_at": now}
    for _ in range(3):
        waiting_job(**lease, lease_until=now + timedelta(minutes=1))
    away = {"URL": f"unix://{tmp_path}/nobody.sock?socket_connect_timeout=0.25&socket_timeout=0.25"}

    with patch.dict("django_rq.settings.QUEUES", {"default": away}):
        answer = console.get(WORKERS)

    assert "Redis is away" in answer.content.decode()
    (shown,) = answer.context["leases"]
    assert (shown.token, shown.kind, shown.jobs, shown.expired) == (token, "reviews.screen_review", 3, False)


def test_moderators_see_neither_errors_nor_workers(client):
    client.force_login(StaffFactory(groups=["Moderators"]))

    assert client.get(ERRORS).status_code == 403
    assert client.get(WORKERS).status_code == 403


def test_the_pages_take_the_same_number_of_queries_for_more_rows(console, worker, django_assert_max_num_queries):
    dead_job()
    for page in (ERRORS, WORKERS):
        console.get(page)
        with django_assert_max_num_queries(12) as before:
            console.get(page)
        for number in range(4):
            dead_job(kind=f"a.kind{number}", error_details={"type": "OSError", "worker": PLACE})
        with django_assert_max_num_queries(len(before)):
            console.get(page)
