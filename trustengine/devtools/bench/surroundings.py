"""A PostgreSQL and a Redis for one run of the benchmarks, in a directory that is removed afterwards."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from trustengine.devtools.bench.rounds import Figures
from trustengine.embedded.servers import EmbeddedServers


class BenchmarkFailed(Exception):
    """The process that ran the benchmarks has ended with an error; holds its last words."""


def run_apart(names: Sequence[str], *, quick: bool) -> dict[str, Figures]:
    """Run the benchmarks in a process and on servers of their own. Raises BenchmarkFailed, EmbeddedError.

    The servers write as durably as in earnest: the cost of a commit is part of the result.
    """
    with tempfile.TemporaryDirectory(prefix="trustengine-bench-") as name:
        directory = Path(name)
        with EmbeddedServers(directory, postgres=True, redis=True, command="bench") as servers:
            environment = os.environ | {
                "DATA_DIR": name,
                "DATABASE_URL": servers.addresses.database_url,
                "REDIS_URL": servers.addresses.redis_url,
                "VOTES_PER_MINUTE": "1000000000",
                "STRIPE_SECRET_KEY": "",  # what is measured is no reason to ask anybody for money
                "STATEMENT_TIMEOUT_MS": "3600000",
                "LOG_LEVEL": "WARNING",
            }
            command = [sys.executable, "-m", "trustengine.devtools.bench.process", "quick" if quick else "full", *names]
            done = subprocess.run(
                command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
            )
    if done.returncode:
        raise BenchmarkFailed(done.stderr.strip()[-2_000:])
    figures: dict[str, Figures] = json.loads(done.stdout)
    return figures
