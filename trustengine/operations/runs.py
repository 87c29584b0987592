"""Runs as records: begun, taken over by one process at a time, advanced batch by batch, finished.

Everything but ``begin`` names the run's token: who has been fenced off changes nothing
any more. The run's row is the last that a batch locks.
"""

import getpass
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from trustengine.operations.models import SILENCE, Run
from trustengine.operations.presence import has_ended, this_process

PROBLEM_CHARACTERS = 500

State = Run.State


class NotResumable(Exception):
    """There is no such run, or nothing of it is left to do."""


class StillRunning(Exception):
    """Another process works on the run."""


class RunLost(Exception):
    """Another process has taken the run over: what was just done must roll back."""


def begin(
    command: str,
    target: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    who: str = "",
    reverts: Run | None = None,
) -> Run:
    """Record a new run that this process works on."""
    return Run.objects.create(
        command=command,
        target=target,
        arguments={name: value for name, value in (arguments or {}).items() if value not in (None, False)},
        who=who or operator(),
        reverts=reverts,
        token=uuid.uuid4(),
        process=this_process(),
    )


def take_over(run_id: uuid.UUID) -> Run:
    """Go on with a run that nobody works on any more.

    A process that ended on this machine is known to have ended; of one elsewhere that
    follows from its silence, for which this waits. Raises NotResumable or StillRunning.
    """
    first_heartbeat: datetime | None = None
    while True:
        with transaction.atomic():
            run = locked(run_id)
            if is_free(run):
                return claim(run)
        first_heartbeat = first_heartbeat or run.heartbeat_at
        if has_ended(run.process) is False or run.heartbeat_at != first_heartbeat:
            raise StillRunning(f"run {run.pk} is being worked on by another process")
        time.sleep(1)


def locked(run_id: uuid.UUID) -> Run:
    """A run that can be gone on with, its row locked. Raises NotResumable."""
    run = Run.objects.select_for_update(of=("self",), no_key=True).filter(pk=run_id).first()
    if run is None:
        raise NotResumable(f"there is no run {run_id}")
    if run.state in (State.DONE, State.REVERTED):
        raise NotResumable(f"run {run.pk} is {run.state}")
    if revert := run.revert_id:
        raise NotResumable(f"run {run.pk} is being reverted, by run {revert}")
    return run


def is_free(run: Run) -> bool:
    """Whether no process works on a run: it said so, it has ended, or it has been silent for too long."""
    if run.state != State.RUNNING or has_ended(run.process):
        return True
    silent = Q(heartbeat_at__lt=Now() - SILENCE)  # by the database's clock, which wrote it
    return has_ended(run.process) is None and Run.objects.filter(silent, pk=run.pk).exists()


def claim(run: Run) -> Run:
    """Let this process, and no other, work on a run."""
    run.token, run.process, run.state = uuid.uuid4(), this_process(), State.RUNNING
    Run.objects.filter(pk=run.pk).update(
        token=run.token, process=run.process, state=State.RUNNING, heartbeat_at=Now(), finished_at=None, problem=""
    )
    return run


def advance(run: Run, *, position: str, counts: Mapping[str, int], examples: Sequence[Any] = ()) -> None:
    """Say how far a run has come from ``run.position``, last in the transaction that got it there.

    Raises RunLost, also where the run has come further: a commit that seemed to fail, but did not.
    """
    _write(run, at=run.position, position=position, counts=dict(counts), examples=list(examples))


def finish(run: Run, state: Run.State, *, problem: str = "") -> None:
    """End the work on a run. Raises RunLost."""
    _write(run, state=state, finished_at=Now(), problem=problem[:PROBLEM_CHARACTERS], token=None)
    run.state = state


def last_drift() -> dict[str, tuple[int, datetime]]:
    """For each target of ``reconcile``, how many keys the last whole comparison left wrong, and when it ended.

    A target that has never been compared as a whole is not in it.
    """
    return {run.target: (run.drift, run.finished_at) for run in Run.objects.latest_comparisons() if run.finished_at}


def operator() -> str:
    """Who calls a command: the operating system's name for them, and the machine's."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"[:100]


def stop_for_good(run: Run, *, problem: str = "") -> None:
    """Fence off whoever may still work on a run, whose row is locked."""
    if run.state == State.RUNNING:
        ended = State.FAILED if problem else State.INTERRUPTED
        Run.objects.filter(pk=run.pk).update(state=ended, problem=problem, finished_at=Now(), token=None)


def _write(run: Run, *, at: str | None = None, **fields: Any) -> None:
    held = Run.objects.filter(pk=run.pk, token=run.token, state=State.RUNNING)
    if at is not None:
        held = held.filter(position=at)
    if not held.update(heartbeat_at=Now(), **fields):
        raise RunLost(f"run {run.pk} has been taken over by another process, or has come further than was heard")
