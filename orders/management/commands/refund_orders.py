import json
import sys
import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from orders.services.refund_files import COLUMNS, KEY, Progress, request_batch
from trustengine.audit.services import record
from trustengine.operations.arguments import batch_size
from trustengine.operations.importing.columns import Layout, Row
from trustengine.operations.importing.reading import Records, Source, Unusable
from trustengine.operations.importing.rejects import Reject, RejectsFile
from trustengine.operations.progress import ProgressDisplay

UNUSABLE = 2
SOME_REJECTED = 3

DETAILS = """
columns of FILE (.csv or .csv.gz, UTF-8, with a header row, in any order):
  order_id        whose money goes back
  order_item_id   only this item's; empty: of the whole order
  amount_cents    only so much, shared pro rata; empty: all that is left
  reason          a code of your own, kept with the refund

A row that says the same as one that was carried out changes nothing: run the file again after it was cut off,
or after rejected rows were corrected. Orders that were paid elsewhere are recorded as refunded.

exit codes: 0 done; 3 rows were rejected; 2 the file cannot be used, and nothing was asked for
"""


class Command(BaseCommand):
    help = "Refund many orders at once. The rows are checked and asked for; jobs send the money, and `jobs` shows them."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=DETAILS, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", metavar="FILE", type=Path, required=True, help="what to refund")
        parser.add_argument("--dry-run", action="store_true", help="check and count in the same way, then roll back")
        parser.add_argument("--json", action="store_true", help="print one object with the counts, and nothing else")
        parser.add_argument("--rejects", metavar="FILE", type=Path, help="write every rejected row to this CSV file")
        parser.add_argument("--batch-size", metavar="N", type=batch_size, default=500, help="rows per transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        source = Source("refunds", options["file"])
        try:
            digest = _surveyed(source)
            rejects = _open_rejects(options["rejects"], source)
        except Unusable as error:
            self.stderr.write(f"error: {error}")
            sys.exit(UNUSABLE)
        dry_run = options["dry_run"]
        display = ProgressDisplay(quiet=options["json"])
        with rejects, display, transaction.atomic() if dry_run else nullcontext():
            progress = _run(source, options["batch_size"], rejects, display)
            if dry_run:
                transaction.set_rollback(True)
            else:
                record("refund.file_read", ("refund", "file"), after={**progress.counts, "sha256": digest})
        self._tell(progress, round(time.monotonic() - began, 3), options)
        if progress.rejected:
            sys.exit(SOME_REJECTED)

    def _tell(self, progress: Progress, seconds: float, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({**progress.counts, "seconds": seconds}))
            return
        for name, count in progress.counts.items():
            self.stdout.write(f"{name:13}{count:>15,}")
        if progress.rejected and not options["rejects"]:
            self.stdout.write("--rejects FILE lists every rejected row.")
        self.stdout.write("Dry run: nothing was asked for." if options["dry_run"] else f"Done in {seconds:.1f} s.")


def _surveyed(source: Source) -> str:
    """The file's digest. Raises Unusable unless it can be read to its end and has the columns that it needs."""
    try:
        digest = source.digest()
        with source.records() as records:
            _layout(records, source)
    except OSError as error:
        raise Unusable(f"{source.path} cannot be read: {error.strerror}") from error
    return digest


def _layout(records: Records, source: Source) -> Layout:
    return Layout(COLUMNS, KEY, next(records, None), source.path.name, whole_rows=True)


def _run(source: Source, size: int, rejects: RejectsFile, display: ProgressDisplay) -> Progress:
    progress = Progress()
    with source.records() as records:
        layout = _layout(records, source)
        display.begin("refunds", source.path.stat().st_size)
        for entries in _batches(records, layout, size):
            rejects.add(source.path.name, request_batch(entries, progress))
            display.advance(records.position, f"{progress.read:,} rows")
    display.end(f"{progress.read:,} rows")
    return progress


def _batches(records: Records, layout: Layout, size: int) -> Iterator[list[Row | Reject]]:
    while batch := [layout.parse(record) for record in islice(records, size)]:
        yield batch


def _open_rejects(path: Path | None, source: Source) -> RejectsFile:
    if path and path.resolve() == source.path.resolve():
        raise Unusable(f"--rejects {path} would overwrite the file itself")
    try:
        return RejectsFile(path)
    except OSError as error:
        raise Unusable(f"--rejects {path} cannot be written: {error.strerror}") from error
