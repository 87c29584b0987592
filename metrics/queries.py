"""What dashboards show, read from the days. The number of statements is the same for any period and any data.

Reviews have no currency: their figures are the same whichever is chosen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, QuerySet, Sum

from metrics.figures import STARS, SUMMED, Day, Figures
from metrics.models import PlatformDaily, ProductDaily, VendorDaily, VendorRatingDaily
from metrics.periods import Period
from orders.models import Product
from trustengine.accounts.models import Profile

TOP = 10
MOST_DAYS_OF_PRODUCTS = 92  # over all vendors: a day has a row for each product that sold
TOPPED = ("orders", "units", "gmv_cents")


@dataclass(frozen=True)
class Top:
    """A product or a vendor among those that sold most."""

    id: UUID
    title: str
    orders: int
    units: int
    gmv_cents: int


@dataclass(frozen=True)
class Dashboard:
    """A period's figures in one currency, day by day and together, and those of as many days before.

    ``fresh_at`` is when the newest of these numbers was last made from the facts; None
    where there is none. ``top_products`` is None where the period is too long for it,
    ``top_vendors`` where the dashboard is a vendor's.
    """

    period: Period
    currency: str
    currencies: list[str]
    totals: Figures
    previous: Figures
    series: list[Day]
    earlier: list[Day]
    top_products: list[Top] | None
    top_vendors: list[Top] | None
    fresh_at: datetime | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell of, neither now nor before."""
        return self.totals.is_empty and self.previous.is_empty


def vendor_dashboard(vendor_id: UUID, period: Period, currency: str = "") -> Dashboard:
    """What one vendor sold, and how it was reviewed."""
    return _dashboard(
        period,
        currency,
        VendorDaily.objects.filter(vendor=vendor_id),
        VendorRatingDaily.objects.filter(vendor=vendor_id),
        ProductDaily.objects.filter(vendor=vendor_id),
        None,
    )


def staff_dashboard(period: Period, currency: str = "") -> Dashboard:
    """What the whole marketplace sold. An order of two vendors is one order here."""
    return _dashboard(
        period,
        currency,
        PlatformDaily.objects.all(),
        VendorRatingDaily.objects.all(),
        ProductDaily.objects.all() if period.length <= MOST_DAYS_OF_PRODUCTS else None,
        VendorDaily.objects.all(),
    )


def has_sold(vendor_id: UUID) -> bool:
    """Whether anything of a vendor's was ever ordered."""
    return VendorDaily.objects.filter(vendor=vendor_id).exists()


def _dashboard(
    period: Period,
    currency: str,
    sums: QuerySet[Any],
    ratings: QuerySet[Any],
    products: QuerySet[Any] | None,
    vendors: QuerySet[Any] | None,
) -> Dashboard:
    days = [Day(day=day) for day in (*period.before.days, *period.days)]
    by_day = {day.day: day for day in days}
    both = (period.before.first, period.last)
    rows = list(sums.filter(day__range=both).order_by().values("day", "currency", "aggregated_at", *SUMMED))
    chosen, currencies = _currency(rows, period, currency)
    for row in rows:
        if row["currency"] == chosen:
            by_day[row["day"]].add_sums(row)
    starred = list(
        ratings.filter(day__range=both)
        .order_by()
        .values("day")
        .annotate(last=Max("aggregated_at"), **{f"with_{star}": Sum(f"stars_{star}") for star in STARS})
    )
    for row in starred:
        by_day[row["day"]].stars = [row[f"with_{star}"] for star in STARS]
    earlier, series = days[: period.length], days[period.length :]
    made = [row["aggregated_at"] for row in rows if row["currency"] == chosen] + [row["last"] for row in starred]
    return Dashboard(
        period=period,
        currency=chosen,
        currencies=currencies,
        totals=_total(series),
        previous=_total(earlier),
        series=series,
        earlier=earlier,
        top_products=None if products is None else _top(products, "product_id", period, chosen),
        top_vendors=None if vendors is None else _top(vendors, "vendor_id", period, chosen),
        fresh_at=max(filter(None, made), default=None),
    )


def _currency(rows: list[dict[str, Any]], period: Period, asked: str) -> tuple[str, list[str]]:
    """The one asked for; else the marketplace's own if it was sold in or none was; else that of the most GMV."""
    gmv: dict[str, int] = {}
    for row in rows:
        if row["placed_items"] or row["orders"]:
            gmv.setdefault(row["currency"], 0)
            if row["day"] >= period.first:
                gmv[row["currency"]] += row["gmv_cents"]
    own: str = settings.MARKETPLACE_CURRENCY
    chosen = asked or (own if own in gmv or not gmv else max(sorted(gmv), key=lambda code: gmv[code]))
    return chosen, sorted(gmv.keys() | {chosen})


def _total(days: Iterable[Day]) -> Figures:
    total = Figures()
    for day in days:
        total.add(day)
    return total


def _top(rows: QuerySet[Any], key: str, period: Period, currency: str) -> list[Top]:
    """Those of the most GMV. Titles are looked up for them alone, so that a join does not touch every row."""
    found = (
        rows.filter(day__range=(period.first, period.last), currency=currency, units__gt=0)
        .order_by()
        .values(key)
        .annotate(**{f"sum_of_{name}": Sum(name) for name in TOPPED})
        .order_by("-sum_of_gmv_cents", key)[:TOP]
    )
    tops = list(found)
    titles = _titles(key, [top[key] for top in tops])
    return [Top(top[key], titles[top[key]], *(top[f"sum_of_{name}"] for name in TOPPED)) for top in tops]


def _titles(key: str, ids: list[UUID]) -> dict[UUID, str]:
    if key == "product_id":
        return dict(Product.objects.filter(pk__in=ids).values_list("pk", "title"))
    return {vendor.pk: str(vendor) for vendor in Profile.objects.filter(pk__in=ids)}
