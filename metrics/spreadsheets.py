"""A dashboard's days as a file to take away: CSV for spreadsheets, JSON for programs."""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer

from metrics.queries import Dashboard
from metrics.serializers import DayOutput
from trustengine.errors import InvalidInput
from trustengine.spreadsheets import harmless

KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def export(dashboard: Dashboard, shown: Mapping[str, Any], kind: str, *, whose: str = "") -> HttpResponse:
    """The days as CSV, with whose they are, or all that ``shown`` holds as JSON.

    Raises InvalidInput for another kind.
    """
    if kind not in KINDS:
        raise InvalidInput(fields={"as": "csv or json."})
    body = as_csv(dashboard, whose) if kind == "csv" else JSONRenderer().render(shown)
    answer = HttpResponse(body, content_type=KINDS[kind])
    period = dashboard.period
    file = f"dashboard-{dashboard.currency}-{period.first}-{period.last}.{kind}"
    answer["Content-Disposition"] = f'attachment; filename="{file}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def as_csv(dashboard: Dashboard, whose: str = "") -> str:
    """A line for each day. Amounts stay in cents, so that no spreadsheet rounds them."""
    text = StringIO()
    writer = csv.writer(text)
    rows = DayOutput(dashboard.series, many=True).data
    names = [name for name in rows[0] if name != "distribution"]
    stars = [f"stars_{star}" for star in rows[0]["distribution"]]
    owner = {"vendor": whose} if whose else {}
    writer.writerow([*owner, "day", "currency", *names[1:], *stars])
    for row in rows:
        values = [
            *owner.values(),
            row["day"],
            dashboard.currency,
            *(row[name] for name in names[1:]),
            *row["distribution"].values(),
        ]
        writer.writerow([cell(value) for value in values])
    return text.getvalue()


def cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str):
        return harmless(value)
    return "" if value is None else value
