import json
import os
import time
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from trustengine.devtools.bench.process import NAMES, ONLY_BY_NAME
from trustengine.devtools.bench.rounds import Figures
from trustengine.devtools.bench.surroundings import BenchmarkFailed, run_apart


class Command(BaseCommand):
    help = (
        "Measure on this machine, on servers of its own: job rows drained against RQ messages, votes in shards "
        "against one hot row, checkouts of one product against many, a storm of refunds, what an order costs in "
        "metrics, bookings against bare inserts, usage events at once against one by one, leases of outside services, "
        "and the import. "
        "Compare ratios, not machines."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "names",
            nargs="*",
            metavar="NAME",
            help=f"any of {', '.join(NAMES)} (default: all), or {', '.join(ONLY_BY_NAME)}, which takes long",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        parser.add_argument("--quick", action="store_true", help="tiny runs, to see that they work")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["names"] or NAMES
        if unknown := sorted(set(names) - {*NAMES, *ONLY_BY_NAME}):
            raise CommandError(f"no such benchmark: {', '.join(unknown)}", returncode=2)
        began = time.perf_counter()
        try:
            figures = run_apart(names, quick=options["quick"])
        except BenchmarkFailed as error:
            raise CommandError(str(error)) from error
        seconds = round(time.perf_counter() - began, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"cores": os.cpu_count(), "seconds": seconds, **figures}))
        else:
            self._print_table(figures, seconds)

    def _print_table(self, figures: Mapping[str, Figures], seconds: float) -> None:
        table = Table("benchmark", "figure", title=f"{os.cpu_count()} cores, {seconds} s in all")
        table.add_column("value", justify="right")
        for name, values in figures.items():
            for figure, value in values.items():
                table.add_row(name, figure.replace("_", " "), _shown(figure, value))
            table.add_section()
        Console(file=self.stdout, width=80).print(table)  # type: ignore[arg-type]


def _shown(figure: str, value: float) -> str:
    """A figure in the form that its name asks for; ratios by default."""
    if figure.endswith("_per_second"):
        return f"{value:,.0f}"
    if figure.endswith(("_milliseconds", "_share")):
        return f"{value:.2f}"
    if "_ms" in figure:
        return f"{value:,.2f} ms"
    if figure.endswith("seconds"):
        return f"{value:,.1f} s"
    if figure.startswith("statements"):
        return f"{value:.0f}"
    return f"× {value:.2f}"
