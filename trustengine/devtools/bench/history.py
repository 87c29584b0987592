"""How long ``backfill metrics`` takes to make many days of orders anew, from nothing and once more."""

import io
import json
from datetime import date, timedelta

from django.core.management import call_command
from django.db.models import Sum

from metrics.models import PlatformDaily
from trustengine.devtools.bench.days import make_days, make_shops
from trustengine.devtools.bench.rounds import Figures, Size, stopwatch

FIRST = date(2025, 1, 1)


def measure(size: Size) -> Figures:
    """Seconds for all days, by the clock."""
    days = [FIRST + timedelta(days=number) for number in range(size.days)]
    with stopwatch() as made:
        make_days(make_shops(size.vendors, products_each=20), days, size.orders_of_each)
    figures = {"orders_made_seconds": round(made.seconds, 1)}
    for name in ("from_nothing", "again"):
        with stopwatch() as watch:
            told = _backfill(days[0], days[-1])
        figures[f"{name}_seconds"] = round(watch.seconds, 1)
        assert told["changed"] == (len(days) if name == "from_nothing" else 0)
    counted = PlatformDaily.objects.filter(day__in=days).aggregate(orders=Sum("orders"))["orders"]
    assert counted == size.days * size.orders_of_each
    return figures


def _backfill(first: date, last: date) -> dict[str, int]:
    output = io.StringIO()
    call_command("backfill", "metrics", "--from", first.isoformat(), "--to", last.isoformat(), "--json", stdout=output)
    told: dict[str, int] = json.loads(output.getvalue())
    return told
