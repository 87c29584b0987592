"""What a scrape tells about operations."""

from collections.abc import Sequence

from trustengine.insight import gauge
from trustengine.operations.runs import last_drift


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
