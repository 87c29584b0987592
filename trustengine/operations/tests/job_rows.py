"""Jobs in the states that operators meet."""

from typing import Any

from django.utils import timezone

from trustengine.jobs.models import Job
from trustengine.jobs.registry import job


@job(max_attempts=1)
def fail_for_test() -> None:
    raise ValueError


def waiting_job(**fields: Any) -> Job:
    return Job.objects.create(**{"kind": "reviews.screen_review", "max_attempts": 8} | fields)


def dead_job(**fields: Any) -> Job:
    """A job that has used all its attempts."""
    error = {"type": "KeyError", "message": "'language'", "at": timezone.now().isoformat()}
    dead = {"state": "dead", "attempts": 8, "dead_letter_at": timezone.now(), "error_details": error}
    return waiting_job(**dead | fields)
