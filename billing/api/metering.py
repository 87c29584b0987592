"""Counting API calls: after a caller is known and let in, before the view runs. See ``billing.services.calls``.

The methods that a view names in ``unmetered`` are neither counted nor refused: rights that
nobody may lose with a plan (erasure, export, reports of illegal content, statements of
reasons and appeals), and the answers that say how much of the plan is left.
"""

from collections.abc import Iterable, Sequence
from functools import cache

from django.conf import settings
from django.urls import URLPattern, URLResolver
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.errors import QuotaExceeded
from billing.services.calls import count_call
from trustengine.accounts.callers import viewer
from trustengine.api.endpoints import derived, subclass
from trustengine.api.schema import Refusal

LIMITED = Refusal(QuotaExceeded.status, QuotaExceeded.code, QuotaExceeded.message)


def metered(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses and names, with views that count the calls of those who are signed in."""
    return derived(patterns, _counting)


class Metered(APIView):
    """A view whose callers' plans may end."""

    unmetered: Sequence[str] = ()
    unmetered_refusals: Sequence[Refusal] = ()

    @property
    def refusals(self) -> Sequence[Refusal]:
        """What the document says of the method that it is describing."""
        if self.request.method in self.unmetered:
            return self.unmetered_refusals
        return (*self.unmetered_refusals, LIMITED)

    def check_throttles(self, request: Request) -> None:
        super().check_throttles(request)
        if request.method in self.unmetered:
            return
        if settings.COUNT_API_CALLS and (user := viewer(request)) is not None and user.is_authenticated:
            count_call(user)


@cache
def _counting(view: type[APIView]) -> type[APIView]:
    if not view.authentication_classes:
        return view
    found = {"unmetered": getattr(view, "unmetered", ()), "unmetered_refusals": getattr(view, "refusals", ())}
    return subclass(view, Metered, **found)
