import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.operations.management.commands.jobs import Command
from trustengine.operations.tests.job_rows import dead_job, waiting_job

pytestmark = pytest.mark.django_db


def jobs(*arguments):
    output = StringIO()
    call_command("jobs", *arguments, stdout=output)
    return output.getvalue()


def test_jobs_are_listed_latest_first_with_what_went_wrong():
    first, second = dead_job(), waiting_job(key="product-7")

    lines = jobs("list").splitlines()

    assert [line.split()[0] for line in lines] == [str(second.pk), str(first.pk)]
    assert "product-7" in lines[0]
    assert "8 of 8" in lines[1]
    assert lines[1].endswith("KeyError")


def test_the_list_is_narrowed_by_kind_state_and_number():
    dead, other = dead_job(), waiting_job(kind="reviews.fold_votes")

    assert str(dead.pk) in jobs("list", "--state", "dead")
    assert str(other.pk) not in jobs("list", "--state", "dead")
    assert str(dead.pk) not in jobs("list", "--kind", "reviews.fold_votes")
    assert len(jobs("list", "--limit", "1").splitlines()) == 1


def test_the_list_as_json_holds_errors_in_full():
    job = dead_job()

    (row,) = json.loads(jobs("list", "--json"))

    assert (row["id"], row["state"], row["error_details"]["message"]) == (str(job.pk), "dead", "'language'")


def test_dead_letters_are_retried_by_id():
    chosen, other = dead_job(), dead_job()

    assert jobs("retry", str(chosen.pk)) == "1 retried\n"

    chosen.refresh_from_db()
    other.refresh_from_db()
    assert (chosen.state, other.state) == ("ready", "dead")
    assert Entry.objects.get(verb="job.retried").actor_kind == "system"


def test_dead_letters_are_retried_by_kind_or_all_together():
    for kind in ("reviews.fold_votes", "reviews.fold_votes", "reviews.screen_review"):
        dead_job(kind=kind)

    assert jobs("retry", "--kind", "reviews.fold_votes") == "2 retried\n"
    assert jobs("retry", "--all") == "1 retried\n"
    assert jobs("retry", "--all") == "0 retried\n"


def test_an_id_that_is_no_dead_letter_ends_with_1_after_the_others_were_retried():
    dead, waiting = dead_job(), waiting_job()

    with pytest.raises(CommandError, match="2 of the given ids are no dead letters") as problem:
        jobs("retry", str(dead.pk), str(waiting.pk), str(uuid4()))

    assert problem.value.returncode == 1
    dead.refresh_from_db()
    assert dead.state == "ready"


def test_done_jobs_are_purged_by_age_and_dead_letters_only_when_asked_for():
    old = timezone.now() - timedelta(days=10)
    waiting_job(state="done", finished_at=old)
    waiting_job(state="done", finished_at=timezone.now())
    dead_job(dead_letter_at=old)

    assert jobs("purge") == "1 deleted\n"
    assert jobs("purge", "--state", "dead", "--days", "9") == "1 deleted\n"
    assert jobs("purge", "--days", "0") == "1 deleted\n"
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("list", "--state", "lost"),
        ("list", "--limit", "0"),
        ("retry", "17"),
        ("retry", "--kind", "reviews.fold_votes", "--all"),
        ("purge", "--days", "-1"),
        ("purge", "--state", "ready"),
    ],
)
def test_bad_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        BaseCommand.run_from_argv(Command(), ["manage.py", "jobs", *arguments])

    assert leaving.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--kind", "no.such"),
        ("retry",),
        ("retry", "--kind", "no.such"),
        ("retry", "0190c1a0-0000-7000-8000-000000000000", "--all"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_changes_nothing(arguments):
    job = dead_job()

    with pytest.raises(CommandError) as problem:
        jobs(*arguments)

    assert problem.value.returncode == 2
    job.refresh_from_db()
    assert job.state == "dead"


def test_the_help_shows_how_it_is_used(capsys):
    with pytest.raises(SystemExit) as leaving:
        BaseCommand.run_from_argv(Command(), ["manage.py", "jobs", "--help"])

    told = capsys.readouterr().out
    assert leaving.value.code == 0
    for words in ("jobs retry --kind", "jobs list --state dead", "exit codes", "purge"):
        assert words in told
