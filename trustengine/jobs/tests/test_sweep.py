from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from trustengine.jobs import registry
from trustengine.jobs.jobs import prune
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import Schedule, job, scheduled
from trustengine.jobs.services import enqueue
from trustengine.jobs.sweep import open_slot, sweep
from trustengine.testing import at_once, database_time


@pytest.fixture
def schedule():
    def declare(cron):
        @scheduled(cron)
        @job()
        def chime():
            pass

        return registry.schedules()[0]

    return declare


def slots_opened(schedule: Schedule, start: datetime, hours: int, zone: str) -> list[str]:
    """The slots that a sweep every ten minutes opens, in UTC."""
    with timezone.override(ZoneInfo(zone)):
        for minute in range(1, hours * 60, 10):
            with database_time(start + timedelta(minutes=minute)):
                open_slot(schedule)
    slots = CronSlot.objects.filter(slot__gt=start).order_by("slot").values_list("slot", flat=True)
    return [f"{slot.astimezone(UTC):%d %H:%M}" for slot in slots]


@pytest.mark.django_db
def test_a_slot_becomes_one_job_however_often_it_is_swept(schedule, messages):
    schedule("* * * * *")
    with database_time(datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)):
        sweep()
        sweep()

    assert Job.objects.count() == 1
    assert CronSlot.objects.get().slot == datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_parallel_sweeps_open_a_slot_once(schedule):
    hourly = schedule("0 * * * *")

    opened = at_once(*[partial(open_slot, hourly)] * 6)

    assert sorted(opened) == [False] * 5 + [True]
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_after_an_outage_the_latest_slot_is_made_up_for_once(schedule):
    daily = schedule("0 3 * * *")
    with database_time(datetime(2026, 5, 1, 4, 0, tzinfo=UTC)):
        open_slot(daily)
    with database_time(datetime(2026, 5, 9, 4, 0, tzinfo=UTC)):
        assert open_slot(daily)
        assert not open_slot(daily)

    assert [slot.day for slot in CronSlot.objects.order_by("slot").values_list("slot", flat=True)] == [1, 9]


@pytest.mark.django_db
def test_slots_follow_the_marketplaces_clock(schedule):
    opened = slots_opened(schedule("0 0 * * *"), datetime(2026, 5, 1, 14, tzinfo=UTC), 26, "Asia/Tokyo")

    assert opened == ["01 15:00", "02 15:00"]


@pytest.mark.django_db
def test_no_slot_is_lost_or_doubled_when_summer_begins(schedule):
    start = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)

    assert slots_opened(schedule("0 3 * * *"), start, 8, "Europe/Berlin") == ["29 01:00"]


@pytest.mark.django_db
def test_an_hourly_schedule_runs_every_hour_of_the_night_in_which_summer_ends(schedule):
    start = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)

    opened = slots_opened(schedule("17 * * * *"), start, 5, "Europe/Berlin")

    assert opened == ["24 23:17", "25 00:17", "25 01:17", "25 02:17", "25 03:17"]


@pytest.mark.django_db
def test_a_scheduled_coalesced_handler_is_keyed_by_its_slot():
    @scheduled("0 * * * *")
    @job(coalesce=True)
    def chime(key):
        pass

    open_slot(registry.schedules()[0])

    assert Job.objects.get().key == timezone.localtime(CronSlot.objects.get().slot).isoformat()


@pytest.mark.django_db
def test_the_sweep_rings_for_due_jobs_even_if_a_bell_hangs_already(messages):
    @job(queue="low")
    def work():
        pass

    enqueue(work)
    enqueue(work, run_at=timezone.now() + timedelta(hours=1))
    Job.objects.create(kind="future.work", max_attempts=1)
    sweep()
    sweep()

    assert messages() == ["jobs.work", "jobs.work"]


@pytest.mark.django_db
def test_the_sweep_pauses_while_the_system_is_read_only(schedule, settings, messages):
    schedule("* * * * *")
    settings.READ_ONLY = True
    sweep()

    assert not Job.objects.exists()


@pytest.mark.django_db
def test_pruning_deletes_old_done_jobs_and_nothing_else(settings):
    old, states = timezone.now() - timedelta(days=settings.JOB_RETENTION_DAYS + 1), Job.State
    for finished_at in (old, timezone.now()):
        Job.objects.create(kind="a.done", state=states.DONE, finished_at=finished_at, max_attempts=1, run_at=old)
    Job.objects.create(kind="a.dead", state=states.DEAD, dead_letter_at=old, max_attempts=1, run_at=old)
    Job.objects.create(kind="a.ready", max_attempts=1, run_at=old)

    assert prune() == {"jobs": 1, "slots": 0}
    assert sorted(Job.objects.values_list("kind", flat=True)) == ["a.dead", "a.done", "a.ready"]


@pytest.mark.django_db
def test_pruning_keeps_the_latest_slot_so_that_a_monthly_schedule_runs_once_a_month(schedule):
    monthly = schedule("0 3 1 * *")
    with database_time(datetime(2026, 4, 2, tzinfo=UTC)):
        open_slot(monthly)
    with database_time(datetime(2026, 5, 2, tzinfo=UTC)):
        open_slot(monthly)
    with database_time(datetime(2026, 5, 28, tzinfo=UTC)):
        CronSlot.objects.update(created_at=datetime(2026, 5, 2, tzinfo=UTC))
        assert prune()["slots"] == 1
        assert not open_slot(monthly)
