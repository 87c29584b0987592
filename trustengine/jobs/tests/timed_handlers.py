"""A schedule for tests with scheduler processes; apart, because importing it is what schedules it."""

from trustengine.jobs.registry import job, scheduled
from trustengine.jobs.tests.handlers import leave_mark


@scheduled("* * * * *")
@job()
def chime_for_test() -> None:
    leave_mark("chime")
