"""Comparisons as runs: recorded batch by batch, by the ``reconcile`` command and by the nightly job."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from trustengine.operations.models import Run
from trustengine.operations.progress import ProgressDisplay
from trustengine.operations.reconciling import Findings, Scope, compare, count
from trustengine.operations.registry import Drift, Reconciler
from trustengine.operations.runs import State, advance, begin, finish


def reconcile(target: Reconciler, *, scope: Scope, fix: bool, batch_size: int, progress: ProgressDisplay) -> Findings:
    """Compare a target's keys in scope, show how far that is, and record it unless it is about one key."""
    findings = Findings()
    with _recorded(target, scope, fix) as run:
        progress.begin(target.name, count(target, scope))
        for last in compare(target, scope=scope, fix=fix, batch_size=batch_size, findings=findings):
            if run:
                keep(run, last, findings)
            progress.advance(findings.checked, str(findings))
        if run:
            conclude(run, findings)
        progress.end(str(findings))
    return findings


def keep(run: Run, last: UUID, findings: Findings) -> None:
    """Write down how far a comparison has come. Raises RunLost."""
    _write(run, str(last), findings)
    run.position = str(last)


def kept(run: Run) -> Findings:
    """What a comparison has found so far, as it was written down."""
    examples = [Drift(UUID(each["key"]), each["expected"], each["found"]) for each in run.examples]
    return Findings(**run.counts, examples=examples)


def conclude(run: Run, findings: Findings) -> None:
    """End a comparison that has come to its end. Raises RunLost."""
    with transaction.atomic():
        _write(run, run.position, findings)  # also what was found beside the keys
        finish(run, State.DONE)


@contextmanager
def _recorded(target: Reconciler, scope: Scope, fix: bool) -> Iterator[Run | None]:
    if scope.only:
        yield None
        return
    said = {"since": scope.since and scope.since.isoformat(), "fix": fix}
    run = begin(Run.Command.RECONCILE, target.name, arguments=said)
    try:
        yield run
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        finish(run, State.INTERRUPTED if interrupted else State.FAILED, problem=f"{type(error).__name__}: {error}")
        raise


def _write(run: Run, position: str, findings: Findings) -> None:
    examples = json.dumps([asdict(drift) for drift in findings.examples], cls=DjangoJSONEncoder)
    advance(run, position=position, counts=findings.counts, examples=json.loads(examples))
