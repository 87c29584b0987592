"""The process that runs the benchmarks, on servers that its parent has started for it.

``python -m trustengine.devtools.bench.process SIZE NAME …`` prints one JSON object.
"""

import json
import os
import sys
from collections.abc import Sequence

import django

NAMES = ("jobs", "votes", "checkouts", "refunds", "metrics", "ledger", "usage", "capacity", "import")
ONLY_BY_NAME = ("fingerprints", "history")  # too long to run unasked


def main(argv: Sequence[str]) -> None:
    """Make the schema, run the named benchmarks, print their figures."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trustengine.settings")
    django.setup()
    from django.core.management import call_command, get_commands

    from trustengine.devtools.bench import (
        capacity,
        checkouts,
        fingerprints,
        history,
        imports,
        jobs,
        ledger,
        metrics,
        refunds,
        usage,
        votes,
    )
    from trustengine.devtools.bench.rounds import FULL, QUICK

    call_command("migrate", verbosity=0)
    size, *names = argv
    measures = {
        "jobs": jobs.measure,
        "votes": votes.measure,
        "checkouts": checkouts.measure,
        "refunds": refunds.measure,
        "ledger": ledger.measure,
        "usage": usage.measure,
        "metrics": metrics.measure,
        "import": imports.measure,
        "capacity": capacity.measure,
        "fingerprints": fingerprints.measure,
        "history": history.measure,
    }
    if imports.COMMAND not in get_commands():
        del measures["import"]
    chosen = {name: measures[name] for name in names if name in measures}
    figures = {name: measure(QUICK if size == "quick" else FULL) for name, measure in chosen.items()}
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
