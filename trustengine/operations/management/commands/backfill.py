import json
import sys
import time
from typing import Any, NoReturn
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from trustengine.operations.arguments import batch_size, day, identifier
from trustengine.operations.backfilling import Backfill, Days, backfills
from trustengine.operations.models import Run
from trustengine.operations.passes import Backward, Done, Forward, Pass, Stop, go_through, told
from trustengine.operations.progress import ProgressDisplay
from trustengine.operations.runs import (
    NotResumable,
    RunLost,
    State,
    StillRunning,
    begin,
    claim,
    finish,
    is_free,
    stop_for_good,
    take_over,
)

UNFINISHED = 1
BAD_ARGUMENTS = 2


class Command(BaseCommand):
    help = (
        "Write a derived value anew from its facts, over all of history or some days of it. Each run is recorded, with "
        "an id; it may be stopped or killed at any moment, and goes on with --resume. --revert puts back exactly the "
        "values before a run, where they still are what the run made them. Exit code 0 when done, 1 when something is "
        "left to do, 2 for bad arguments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        known = backfills()
        revertible = " ".join(name for name, target in known.items() if target.revertible)
        parser.add_argument("target", metavar="TARGET", help=f"one of: {' '.join(known)}")
        parser.add_argument("--from", dest="since", metavar="DATE", type=day, help="from this day of the facts on")
        parser.add_argument("--to", dest="until", metavar="DATE", type=day, help="up to this day, included")
        parser.add_argument("--dry-run", action="store_true", help="tell what would change, and change nothing")
        parser.add_argument("--json", action="store_true", help="print one object, and nothing else")
        parser.add_argument("--batch-size", metavar="N", type=batch_size, default=500, help="keys per transaction")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--resume", metavar="RUN", type=identifier, help="go on with a run that was interrupted")
        which.add_argument(
            "--revert", metavar="RUN", type=identifier, help=f"take back what a run has changed ({revertible})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        target = self._target(options)
        stop = Stop()
        with stop.listening():
            try:
                work = self._work(target, options)
            except NotResumable as error:
                self._refuse(f"{error}{_what_is_left(target.name)}")
            except StillRunning as error:
                raise CommandError(str(error), returncode=UNFINISHED) from error
            done = self._go_through(work, stop, options)
        if options["json"]:
            self._print_json(work, done, time.monotonic() - began)
        else:
            self._print(work, done)
        if done.state != State.DONE:
            sys.exit(UNFINISHED)

    def _target(self, options: dict[str, Any]) -> Backfill:
        known = backfills()
        if options["target"] not in known:
            self._refuse(f"unknown target {options['target']}; there are {' '.join(known)}")
        target = known[options["target"]]()
        again = "--resume" if options["resume"] else "--revert" if options["revert"] else ""
        if again and (options["since"] or options["until"]):
            self._refuse(f"{again} keeps to what the run was about: without --from and --to")
        if options["resume"] and options["dry_run"]:
            self._refuse("a run that is resumed is no rehearsal: without --dry-run")
        if options["revert"] and not target.revertible:
            self._refuse(f"{target.name} cannot be reverted; nothing is lost, for it follows from its facts alone")
        if options["since"] and options["until"] and options["since"] > options["until"]:
            self._refuse(f"--from {options['since']} is after --to {options['until']}")
        return target

    def _work(self, target: Backfill, options: dict[str, Any]) -> Pass:
        """What there is to do, with the run that records it. Raises NotResumable or StillRunning."""
        if options["revert"]:
            original, run = _begin_revert(target, options["revert"], rehearsal=options["dry_run"])
            return Backward(target, run, original)
        if options["resume"]:
            _run_of(target, options["resume"])
            run = take_over(options["resume"])
            if run.reverts:
                return Backward(target, run, run.reverts)
            since, until = (run.arguments.get(name) for name in ("since", "until"))
            return Forward(target, run, Days(since and day(since), until and day(until)))
        days = Days(options["since"], options["until"])
        if options["dry_run"]:
            return Forward(target, None, days)
        said = {name: str(options[name]) for name in ("since", "until") if options[name]}
        run = begin(Run.Command.BACKFILL, target.name, arguments=said | {"batch_size": options["batch_size"]})
        return Forward(target, run, days)

    def _go_through(self, work: Pass, stop: Stop, options: dict[str, Any]) -> Done:
        if work.run:  # said first, because a process that is killed says nothing
            print(f"run {work.run.pk}", file=sys.stderr if options["json"] else self.stdout, flush=True)
        try:
            with ProgressDisplay(quiet=options["json"]) as progress:
                return go_through(work, batch_size=options["batch_size"], stop=stop, progress=progress)
        except RunLost as error:
            raise CommandError(str(error), returncode=UNFINISHED) from error
        except Exception as error:
            if work.run is None:
                raise
            problem = f"{type(error).__name__}: {str(error).strip()}"
            finish(work.run, State.FAILED, problem=problem)
            how = _how_to_resume(work.run)
            raise CommandError(f"run {work.run.pk} failed: {problem}\n{how}", returncode=UNFINISHED) from error

    def _print(self, work: Pass, done: Done) -> None:
        self.stdout.write(f"{work.name}: {told(work, done.counts)}")
        for change in done.examples:
            self.stdout.write(f"  {change['key']}: {json.dumps(change['before'])} → {json.dumps(change['after'])}")
        if done.counts["changed"] > len(done.examples):
            self.stdout.write(f"  and {done.counts['changed'] - len(done.examples):,} more")
        if work.run is None:
            self.stdout.write("Dry run: nothing was written.")
        elif done.state == State.INTERRUPTED:
            self.stdout.write(f"Interrupted. {_how_to_resume(work.run)}")

    def _print_json(self, work: Pass, done: Done, seconds: float) -> None:
        answer = {
            "run": work.run and str(work.run.pk),
            "target": work.target.name,
            "state": done.state,
            "dry_run": work.run is None,
            **{name: done.counts[name] for name in work.counted},
            "examples": done.examples,
            "seconds": round(seconds, 3),
        }
        self.stdout.write(json.dumps(answer))

    def _refuse(self, problem: str) -> NoReturn:
        raise CommandError(problem, returncode=BAD_ARGUMENTS)


def _run_of(target: Backfill, run_id: UUID) -> Run:
    """The run of this target with that id. Raises NotResumable."""
    run = Run.objects.filter(pk=run_id, command=Run.Command.BACKFILL, target=target.name).first()
    if run is None:
        raise NotResumable(f"there is no run {run_id} of {target.name}")
    return run


@transaction.atomic
def _begin_revert(target: Backfill, run_id: UUID, *, rehearsal: bool) -> tuple[Run, Run | None]:
    """Begin to revert a run, or go on with doing so. From here on the run itself cannot be resumed."""
    _run_of(target, run_id)
    original = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run_id)
    if original.reverts_id:
        raise NotResumable(f"run {run_id} is a revert itself")
    if original.state == State.REVERTED:
        raise NotResumable(f"run {run_id} has been reverted")
    if not is_free(original):
        raise StillRunning(f"run {run_id} is being worked on by another process")
    if rehearsal:
        return original, None
    revert = Run.objects.select_for_update(of=("self",), no_key=True).filter(reverts=original).first()
    if revert is None:
        stop_for_good(original)
        return original, begin(Run.Command.BACKFILL, target.name, reverts=original)
    if not is_free(revert):
        raise StillRunning(f"run {run_id} is being reverted by another process")
    return original, claim(revert)


def _how_to_resume(run: Run) -> str:
    return f"Go on with: manage.py backfill {run.target} --resume {run.pk}"


def _what_is_left(target: str) -> str:
    """A hint at the runs that somebody may have meant."""
    runs = Run.objects.unfinished().filter(command=Run.Command.BACKFILL, target=target).order_by("-started_at")
    ids = ", ".join(str(pk) for pk in runs.values_list("pk", flat=True)[:5])
    return f"; unfinished: {ids}" if ids else f"; no run of {target} is unfinished"
