import threading
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import job
from trustengine.jobs.runner import drain, stop_requested
from trustengine.jobs.running import current_job_id
from trustengine.jobs.services import enqueue
from trustengine.jobs.tests.effects import leave_mark, marks, meanwhile
from trustengine.testing import run_due_jobs


def retry_now():
    Job.objects.filter(state="ready").update(run_at=Now())


@pytest.mark.django_db
def test_a_job_that_has_run_is_done_and_keeps_its_result():
    @job()
    def count():
        return {"counted": 3}

    enqueue(count)
    assert run_due_jobs() == 1

    row = Job.objects.get()
    assert (row.state, row.job_result, row.attempts, row.lease_token) == ("done", {"counted": 3}, 1, None)
    assert row.finished_at is not None


@pytest.mark.django_db
def test_a_job_without_a_result_stores_none():
    @job()
    def count():
        pass

    enqueue(count)
    run_due_jobs()

    assert Job.objects.filter(state="done", job_result__isnull=True).exists()


@pytest.mark.django_db
def test_a_handler_knows_the_job_it_runs_as():
    seen = []

    @job(atomic=False)
    def call():
        seen.append(current_job_id())

    enqueued = enqueue(call)
    run_due_jobs()

    assert seen == [enqueued.pk]
    assert current_job_id() is None


@pytest.mark.django_db
def test_a_job_that_fails_leaves_no_effect_and_is_tried_again_later(settings):
    settings.JOB_BACKOFF_SECONDS = 10

    @job()
    def work():
        leave_mark("half")
        raise ValueError("not today")

    enqueue(work)
    run_due_jobs(failing=True)

    row = Job.objects.get()
    assert marks() == []
    assert (row.state, row.error_details["type"], row.error_details["message"]) == ("ready", "ValueError", "not today")
    assert 'raise ValueError("not today")' in row.error_details["traceback"]
    assert timedelta(seconds=4) < row.run_at - timezone.now() <= timedelta(seconds=10)


@pytest.mark.django_db
def test_a_job_that_succeeds_in_the_end_forgets_its_error():
    @job()
    def work():
        if Job.objects.get().attempts < 2:
            raise ValueError

    enqueue(work)
    run_due_jobs(failing=True)
    retry_now()
    run_due_jobs()

    row = Job.objects.get()
    assert (row.state, row.attempts, row.error_details) == ("done", 2, None)


@pytest.mark.django_db
def test_a_job_that_has_used_its_attempts_is_a_dead_letter():
    @job(max_attempts=3)
    def work():
        raise ValueError

    enqueue(work)
    for _ in range(5):
        run_due_jobs(failing=True)
        retry_now()

    row = Job.objects.get()
    assert (row.state, row.attempts) == ("dead", 3)
    assert row.dead_letter_at is not None


@pytest.mark.django_db
def test_a_failing_job_does_not_stop_those_behind_it():
    @job()
    def work(n):
        if n == 1:
            raise ValueError
        leave_mark(str(n))

    for n in range(4):
        enqueue(work, n=n)
    run_due_jobs(failing=True)

    assert marks() == ["0", "2", "3"]


@pytest.mark.django_db
def test_an_error_is_kept_without_the_row_that_the_database_refused():
    written = "\n\n".join(["Ada", "wrote this"])  # not as it stands in the source, which a traceback quotes

    @job()
    def work():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE said (text text, CHECK (length(text) < 5)) ON COMMIT DROP")
            cursor.execute("INSERT INTO said VALUES (%s)", [written])

    enqueue(work)
    run_due_jobs(failing=True)

    details = Job.objects.get().error_details
    assert details["type"] == "IntegrityError"
    assert "said_text_check" in details["message"]
    assert "IntegrityError" in details["traceback"]
    assert not [text for text in (details["message"], details["traceback"]) if "wrote this)" in text or written in text]


@pytest.mark.django_db(transaction=True)
def test_a_job_fails_where_a_constraint_waits_for_the_commit():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    @job()
    def work():
        leave_mark("late")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO late VALUES (1), (1)")

    try:
        enqueue(work)
        run_due_jobs(failing=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE late")

    row = Job.objects.get()
    assert (row.state, row.error_details["type"]) == ("ready", "IntegrityError")
    assert marks() == []


@pytest.mark.django_db
def test_a_job_that_swallows_a_database_error_fails_rather_than_half_succeeds():
    slot = timezone.now()

    @job()
    def work():
        try:
            for _ in range(2):
                CronSlot.objects.create(schedule="twice", slot=slot)
        except IntegrityError:
            pass

    enqueue(work)
    run_due_jobs(failing=True)

    assert Job.objects.get().state == "ready"
    assert marks() == []


@pytest.mark.django_db
def test_a_result_that_is_no_json_fails_the_job():
    @job()
    def work():
        leave_mark("effect")
        return object()

    enqueue(work)
    run_due_jobs(failing=True)

    assert Job.objects.get().error_details["type"] == "TypeError"
    assert marks() == []


@pytest.mark.django_db(transaction=True)
def test_effects_roll_back_when_the_lease_was_lost_meanwhile():
    other = uuid4()

    @job()
    def work():
        leave_mark("too late")
        meanwhile(partial(Job.objects.update, lease_token=other, attempts=2))

    enqueue(work)
    drain("jobs.work")

    assert marks() == []
    assert Job.objects.values_list("state", "lease_token", "attempts", "error_details").get() == (
        "running",
        other,
        2,
        None,
    ), "the other worker's job stays as it is"


@pytest.mark.django_db
def test_a_job_outside_transactions_keeps_its_effect_and_is_told_of_again_when_it_fails():
    @job(atomic=False)
    def call():
        leave_mark("called")
        if Job.objects.get().attempts == 1:
            raise ConnectionError

    enqueue(call)
    run_due_jobs(failing=True)
    retry_now()
    run_due_jobs()

    assert marks() == ["called", "called"]
    assert Job.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_a_job_outside_transactions_holds_none_open():
    open_blocks = []

    @job(atomic=False)
    def call():
        open_blocks.append(connection.in_atomic_block)

    enqueue(call)
    run_due_jobs()

    assert open_blocks == [False]


@pytest.mark.django_db
@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
def test_a_handler_that_ends_the_process_has_failed_and_the_rest_is_given_back(ending):
    @job()
    def work(n):
        leave_mark(str(n))
        if n == 1:
            raise ending

    for n in range(4):
        enqueue(work, n=n)
    with pytest.raises(ending):
        drain("jobs.work")

    rows = list(Job.objects.order_by("pk").values_list("state", "attempts"))
    assert rows == [("done", 1), ("ready", 1), ("ready", 0), ("ready", 0)]
    assert marks() == ["0"]


@pytest.mark.django_db
def test_a_worker_told_to_stop_gives_back_what_it_has_not_begun(messages):
    @job()
    def work(n):
        leave_mark(str(n))
        stop_requested.set()

    for n in range(3):
        enqueue(work, n=n)

    assert drain("jobs.work") == 1
    assert marks() == ["0"]
    assert list(Job.objects.order_by("pk").values_list("state", "attempts")) == [
        ("done", 1),
        ("ready", 0),
        ("ready", 0),
    ]
    assert messages() == ["jobs.work"], "another worker is to carry on"


@pytest.mark.django_db
def test_a_drain_ends_after_its_time_and_rings_again(messages, settings):
    settings.JOB_DRAIN_SECONDS = 0

    @job()
    def work():
        pass

    enqueue(work)

    assert drain("jobs.work") == 0
    assert Job.objects.due().count() == 1
    assert messages() == ["jobs.work"]


@pytest.mark.django_db
def test_jobs_of_a_kind_that_this_code_does_not_know_wait():
    Job.objects.create(kind="future.work", max_attempts=1)

    assert drain("future.work") == 0
    assert run_due_jobs() == 0
    assert Job.objects.get().state == "ready"


@pytest.mark.django_db
def test_jobs_pause_while_the_system_is_read_only(settings):
    @job()
    def work():
        pass

    enqueue(work)
    settings.READ_ONLY = True

    assert run_due_jobs() == 0
    assert Job.objects.due().exists()


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_long_job_is_renewed_while_it_runs(settings):
    settings.JOB_LEASE_SECONDS = 0.3
    leases = []

    @job(atomic=False)
    def work():
        before = Job.objects.get().lease_until
        for _ in range(200):
            leases.append(Job.objects.get().lease_until)
            if leases[-1] > before:
                return
            threading.Event().wait(0.02)

    enqueue(work)
    run_due_jobs()

    assert leases[-1] > leases[0]
    assert Job.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_a_drain_refuses_to_run_inside_a_transaction():
    @job()
    def work():
        pass

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        drain("jobs.work")
