"""The Grafana dashboard beside the alert rules: that it imports, and shows what there is to see."""

import json
import re

import pytest

from trustengine.jobs.registry import handlers
from trustengine.testing import api_client_for


@pytest.fixture
def board(settings):
    return json.loads((settings.BASE_DIR / "docs" / "grafana-dashboard.json").read_text())


@pytest.mark.django_db(transaction=True)
def test_the_grafana_dashboard_imports_and_asks_for_metrics_and_jobs_that_exist(board):
    api_client_for().get("/api/v1/products/")
    exposed = set(re.findall(r"^# TYPE (\S+)", api_client_for().get("/metrics").content.decode(), flags=re.MULTILINE))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    named = set(re.findall(r"\b(?:trustengine|django_http)_[a-z_]*[a-z]\b", asked))

    still_to_come = {"trustengine_metrics_oldest_dirty_seconds"}  # registered where days are aggregated
    assert {"trustengine_oldest_due_job_seconds", "trustengine_reconcile_drift"} <= named
    assert not {name.removesuffix("_bucket") for name in named} - exposed - still_to_come
    assert set(re.findall(r'kind="([a-z_.]+)"', asked)) <= {handler.kind for handler in handlers()}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert (board["schemaVersion"], board["uid"]) == (39, "trustengine")
    assert all({"title", "description", "gridPos", "datasource"} <= set(panel) for panel in panels)


def test_no_two_panels_of_the_grafana_dashboard_lie_on_each_other(board):
    cells = [
        (place["x"] + across, place["y"] + down)
        for place in (panel["gridPos"] for panel in board["panels"])
        for across in range(place["w"])
        for down in range(place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert max(across for across, _ in cells) < 24
