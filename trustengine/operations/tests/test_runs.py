"""Who may work on a run: one process at a time, and another only once that one has ended or fallen silent."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from trustengine.insight import exposition
from trustengine.operations.models import SILENCE, Run
from trustengine.operations.presence import has_ended, this_process
from trustengine.operations.runs import RunLost, State, StillRunning, advance, begin, claim, finish, take_over
from trustengine.operations.tests.running import PROJECT

ELSEWHERE = "another-machine/0f1e/4026531836 17 4711"
NAME = "from trustengine.operations.presence import this_process; print(this_process(), flush=True); input()"


def test_a_process_is_alive_until_it_has_ended_even_as_a_zombie():
    child = subprocess.Popen(
        [sys.executable, "-c", NAME], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name = child.stdout.readline().strip()
    assert has_ended(name) is has_ended(this_process()) is False

    child.communicate("\n")

    assert has_ended(name) is True


def test_a_later_process_with_the_same_id_is_another_one():
    place, number, began = this_process().rsplit(" ", 2)

    assert has_ended(f"{place} {number} {int(began) - 1}") is True


def test_nothing_is_known_of_processes_elsewhere():
    assert has_ended(ELSEWHERE) is None
    assert has_ended("") is None


@pytest.mark.django_db
def test_a_run_of_another_machine_is_taken_over_once_it_has_been_silent_for_long_enough():
    run = begin("backfill", "ratings")
    Run.objects.update(process=ELSEWHERE, heartbeat_at=timezone.now() - SILENCE - timedelta(seconds=5))

    taken = take_over(run.pk)

    assert taken.token != run.token
    with pytest.raises(StillRunning):
        take_over(run.pk)


@pytest.mark.django_db
def test_who_has_been_overtaken_can_neither_advance_nor_finish_the_run():
    run = begin("backfill", "ratings")
    claim(Run.objects.get(pk=run.pk))

    with pytest.raises(RunLost):
        advance(run, position="7", counts={"checked": 1})
    with pytest.raises(RunLost):
        finish(run, State.DONE)


@pytest.mark.django_db
def test_a_batch_that_was_committed_unheard_is_not_counted_twice():
    run = begin("backfill", "ratings")
    advance(run, position="7", counts={"checked": 1})

    with pytest.raises(RunLost):
        advance(run, position="7", counts={"checked": 1})


@pytest.mark.django_db(transaction=True)
def test_prometheus_is_told_the_drift_of_each_target():
    run = begin("reconcile", "votes")
    advance(run, position="", counts={"checked": 9, "drifted": 4, "fixed": 1})
    finish(run, State.DONE)

    assert 'trustengine_reconcile_drift{target="votes"} 3.0' in exposition().decode()
