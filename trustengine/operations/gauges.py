"""What a scrape tells about operations."""

from collections.abc import Sequence

from trustengine.database.timeouts import timeout_problems
from trustengine.insight import gauge
from trustengine.operations.runs import last_drift
from trustengine.row_security import is_bypassed


@gauge(
    "trustengine_reconcile_drift",
    "Keys whose value disagreed with its facts when its target was last compared as a whole.",
    labels=["target"],
)
def reconcile_drift() -> dict[Sequence[str], float]:
    return {(target,): drifted for target, (drifted, _) in last_drift().items()}


@gauge(
    "trustengine_reconcile_last_seconds",
    "When a target was last compared as a whole, in seconds since 1970.",
    labels=["target"],
)
def last_reconcile() -> dict[Sequence[str], float]:
    return {(target,): at.timestamp() for target, (_, at) in last_drift().items()}


@gauge("trustengine_row_security_bypassed", "1 where the database's role passes row-level security whatever it says.")
def row_security_bypassed() -> float:
    return float(is_bypassed())


@gauge("trustengine_database_timeouts_unset", "Time-outs of the database's role that are not as the settings say.")
def timeouts_unset() -> float:
    return float(len(timeout_problems()))
