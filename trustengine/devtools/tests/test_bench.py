import io
import json
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands

from trustengine.devtools.bench.process import NAMES

VOTES = {
    f"{layer}_{threads}_{figure}"
    for layer in ("service", "statements")
    for threads in (1, 8)
    for figure in ("sharded_per_second", "hot_row_per_second", "sharded_to_hot_row")
}
JOBS = {
    "rows_drained_per_second",
    "rq_forking_per_second",
    "rq_simple_per_second",
    "drain_to_rq_forking",
    "drain_to_rq_simple",
}
CHECKOUTS = {
    f"{figure}_{threads}{unit}"
    for threads in (1, 8)
    for figure, unit in (("one_product", "_per_second"), ("spread", "_per_second"), ("spread_to_one_product", ""))
}

CAPACITY = {
    f"{figure}_{threads}{unit}"
    for threads in (1, 8)
    for figure, unit in (("quiet", "_per_second"), ("busy", "_per_second"), ("quiet_to_busy", ""))
}
METRICS = {"whole_day_ms"} | {
    f"{rate}_{figure}"
    for rate in ("20_per_second", "storm")
    for figure in ("ms_per_order", "fresh_p50_seconds", "fresh_p99_seconds", "whole_day_to_order")
}


def test_a_quick_run_prints_every_figure_and_leaves_no_directory_behind():
    before = set(Path(tempfile.gettempdir()).glob("trustengine-bench-*"))

    figures = json.loads(bench("--quick", "--json"))

    assert {"cores", "seconds", "jobs", "votes"} <= figures.keys()
    assert figures["jobs"].keys() == JOBS
    assert figures["votes"].keys() == VOTES
    assert figures["checkouts"].keys() == CHECKOUTS
    assert figures["capacity"].keys() == CAPACITY
    assert figures["metrics"].keys() == METRICS
    assert ("import" in figures) == ("import_marketplace" in get_commands())
    assert all(value > 0 for name in NAMES for value in figures.get(name, {}).values())
    assert set(Path(tempfile.gettempdir()).glob("trustengine-bench-*")) <= before


def test_a_table_shows_what_was_chosen_only():
    table = bench("jobs", "--quick")

    assert "drain to rq simple" in table
    assert "votes" not in table


def test_what_takes_long_is_measured_only_where_it_is_named():
    figures = json.loads(bench("fingerprints", "history", "--quick", "--json"))

    assert not {"fingerprints", "history"} & set(NAMES)
    assert figures["fingerprints"]["copies_found_share"] > 0.5
    assert figures["fingerprints"]["stored_per_second"] > 0
    assert figures["history"].keys() == {"orders_made_seconds", "from_nothing_seconds", "again_seconds"}


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(CommandError, match="no such benchmark: speed") as refusal:
        bench("speed")

    assert refusal.value.returncode == 2


def bench(*arguments):
    output = io.StringIO()
    call_command("bench", *arguments, stdout=output)
    return output.getvalue()
