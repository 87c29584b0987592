import pytest

from trustengine.jobs.jobs import prune
from trustengine.jobs.models import Job
from trustengine.jobs.services import enqueue
from trustengine.testing import run_due_jobs


@pytest.mark.django_db
def test_due_jobs_run_inside_a_test_transaction():
    enqueue(prune)
    assert run_due_jobs() == 1
    assert Job.objects.get().state == "done"
