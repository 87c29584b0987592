from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from trustengine.jobs.models import Job
from trustengine.operations.registry import reconcilers

pytestmark = pytest.mark.django_db


def test_an_unknown_target_is_refused_with_the_list_of_targets():
    with pytest.raises(CommandError) as refusal:
        call_command("reconcile", "moon")

    assert refusal.value.returncode == 2
    for name in reconcilers():
        assert name in str(refusal.value)


@pytest.mark.parametrize(
    "arguments", [("--id", "17"), ("--since", "lately"), ("--batch-size", "0"), ("--batch-size", "x"), ("--colour",)]
)
def test_bad_arguments_end_with_2(arguments, capsys):
    from django.core.management.base import BaseCommand

    from trustengine.operations.management.commands.reconcile import Command

    with pytest.raises(SystemExit) as leaving:
        BaseCommand.run_from_argv(Command(), ["manage.py", "reconcile", *arguments])

    assert leaving.value.code == 2
    assert "error" in capsys.readouterr().err


def test_jobs_whose_lease_ran_out_long_ago_are_returned():
    job = Job.objects.create(
        kind="reviews.fold_votes",
        key="x",
        max_attempts=3,
        attempts=1,
        state="running",
        lease_token=uuid4(),
        lease_until=timezone.now() - timedelta(hours=1),
    )

    with pytest.raises(SystemExit) as leaving:
        call_command("reconcile", "jobs")
    assert leaving.value.code == 1
    call_command("reconcile", "jobs", "--fix")

    job.refresh_from_db()
    assert job.state == "ready"


def test_an_end_without_its_time_gets_one():
    done = Job.objects.create(kind="reviews.fold_votes", max_attempts=3, state="done")

    call_command("reconcile", "jobs", "--fix")

    done.refresh_from_db()
    assert done.finished_at is not None
