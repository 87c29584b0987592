import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from trustengine.operations.arguments import batch_size
from trustengine.operations.importing.reading import Unusable
from trustengine.operations.importing.rejects import RejectsFile
from trustengine.operations.importing.run import COUNTS, Load, Result, run, survey
from trustengine.operations.progress import ProgressDisplay

UNUSABLE = 2
SOME_REJECTED = 3


class Command(BaseCommand):
    help = (
        "Load a marketplace's history from DIR: any of vendors, customers, products, orders, order_items, reviews and "
        "votes, as .csv or .csv.gz. Bad rows are skipped and explained, rows changed here since an earlier import are "
        "kept, and running it again completes what was cut off. Exit code 0; 3 when rows were rejected; 2 when DIR "
        "cannot be used, and then nothing has been loaded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path, help="where the files are")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="count and reject in the same way, then roll back; rows it would update are locked meanwhile",
        )
        parser.add_argument("--json", action="store_true", help="print one object with the counts, and nothing else")
        parser.add_argument("--rejects", metavar="FILE", type=Path, help="write every rejected row to this CSV file")
        parser.add_argument("--batch-size", metavar="N", type=batch_size, default=1_000, help="rows per transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            loads = survey(options["directory"])
            rejects = _open_rejects(options["rejects"], loads)
        except Unusable as error:
            self.stderr.write(f"error: {error}")
            sys.exit(UNUSABLE)
        with rejects, ProgressDisplay(quiet=options["json"]) as progress:
            result = run(
                loads,
                batch_size=options["batch_size"],
                dry_run=options["dry_run"],
                rejects=rejects,
                progress=progress,
            )
        seconds = round(time.monotonic() - began, 3)
        if options["json"]:
            self.stdout.write(json.dumps({"files": result.files, "seconds": seconds}))
        else:
            self._print(result, seconds, **options)
        if result.rejected:
            sys.exit(SOME_REJECTED)

    def _print(self, result: Result, seconds: float, **options: Any) -> None:
        self.stdout.write(f"{'':12}" + "".join(f"{name:>11}" for name in COUNTS))
        for name, counts in result.files.items():
            self.stdout.write(f"{name:12}" + "".join(f"{counts[count]:>11,}" for count in COUNTS))
        if result.rejected:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in result.reasons.most_common())
            where = f"see {options['rejects']}" if options["rejects"] else "--rejects FILE lists every one"
            self.stdout.write(f"Rejected: {reasons}; {where}.")
        self.stdout.write("Dry run: nothing was written." if options["dry_run"] else f"Done in {seconds:.1f} s.")


def _open_rejects(path: Path | None, loads: list[Load]) -> RejectsFile:
    """Raises Unusable where the file cannot be written, or is one of those to be read."""
    if path and path.resolve() in {load.source.path.resolve() for load in loads}:
        raise Unusable(f"--rejects {path} would overwrite a file of the import")
    try:
        return RejectsFile(path)
    except OSError as error:
        raise Unusable(f"--rejects {path} cannot be written: {error.strerror}") from error
