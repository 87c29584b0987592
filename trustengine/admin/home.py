"""The home page: panels that apps contribute, each shown to those who may see what it is about."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar

from django.http import HttpRequest

TICKS = {"color": "#8592a3", "maxRotation": 0}
CHART_OPTIONS = {
    "animation": False,
    "maintainAspectRatio": False,
    "interaction": {"mode": "index", "intersect": False},
    "plugins": {"legend": {"display": False}},
    "datasets": {
        "bar": {"borderRadius": 3, "maxBarThickness": 8, "categoryPercentage": 0.75},
        "line": {"borderWidth": 2, "pointRadius": 0, "tension": 0.3},
    },
    "scales": {
        "x": {"grid": {"display": False}, "border": {"display": False}, "ticks": TICKS | {"maxTicksLimit": 7}},
        "y": {
            "beginAtZero": True,
            "grid": {"tickLength": 0},
            "border": {"display": False, "dash": [3, 4]},
            "ticks": TICKS | {"precision": 0, "maxTicksLimit": 5, "padding": 8},
        },
    },
}


class Area(Enum):
    """Where on the page a panel stands."""

    CARDS = "cards"
    CHARTS = "charts"
    LISTS = "lists"


class Shown(Protocol):
    """Anything that a template of its own can show, as ``panel``."""

    @property
    def template(self) -> str: ...


@dataclass(frozen=True)
class Card:
    """One number that says whether something needs doing.

    ``urgent`` colours the card; ``note`` says in words what the number leaves open.
    """

    title: str
    value: int | str
    note: str
    icon: str
    url: str = ""
    urgent: bool = False
    template: ClassVar[str] = "console/card.html"


@dataclass(frozen=True)
class Series:
    """One line or set of bars. ``colour`` is a CSS variable of the theme, so that it follows the brand."""

    label: str
    values: Sequence[float]
    colour: str = "--color-primary-500"


@dataclass(frozen=True)
class Chart:
    """A small chart over a few days, with its meaning in a sentence for those who do not see it."""

    title: str
    summary: str
    labels: Sequence[str]
    series: Sequence[Series]
    kind: str = "bar"
    template: ClassVar[str] = "console/chart.html"

    @property
    def is_empty(self) -> bool:
        return not any(any(series.values) for series in self.series)

    @property
    def data(self) -> str:
        """What Chart.js draws, as JSON."""
        datasets = [
            {
                "label": series.label,
                "data": list(series.values),
                "backgroundColor": f"var({'--te-area' if self.kind == 'line' else series.colour})",
                "borderColor": f"var({series.colour})",
                "fill": self.kind == "line",
            }
            for series in self.series
        ]
        return json.dumps({"labels": list(self.labels), "datasets": datasets})

    @property
    def options(self) -> str:
        return json.dumps(CHART_OPTIONS)


@dataclass(frozen=True)
class Panel:
    """A list or anything else, shown by a template of the app's own."""

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    url_text: str = "Show all"


Builder = TypeVar("Builder", bound=Callable[[HttpRequest], Shown])


@dataclass(frozen=True)
class _Registration:
    area: Area
    permission: str
    order: int
    build: Callable[[HttpRequest], Shown]


_panels: dict[str, _Registration] = {}


def register_panel(area: Area, *, permission: str, order: int) -> Callable[[Builder], Builder]:
    """Have a function contribute to the home page of everyone with a permission; lower ``order`` stands first."""

    def register(build: Builder) -> Builder:
        _panels[f"{build.__module__}.{build.__name__}"] = _Registration(area, permission, order, build)
        return build

    return register


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the home page shows this person: unfold's ``DASHBOARD_CALLBACK``."""
    allowed = [panel for panel in _panels.values() if request.user.has_perm(panel.permission)]
    allowed.sort(key=lambda panel: panel.order)
    areas = {area.value: [panel.build(request) for panel in allowed if panel.area is area] for area in Area}
    return context | areas | {"title": "Home", "has_panels": bool(allowed)}
