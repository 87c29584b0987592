"""Parameters that an address does not know are refused: left aside, a list would show what was not asked for.

What an address knows is what its OpenAPI operation names, so the document and the check
cannot differ. Addresses without any parameter, such as one review's, look at none.
"""

from collections.abc import Iterable
from functools import cache

from django.urls import URLPattern, URLResolver
from rest_framework.request import Request
from rest_framework.views import APIView

from trustengine.api.endpoints import derived, subclass
from trustengine.api.schema import parameters_of
from trustengine.errors import InvalidInput

READING = {"GET", "HEAD"}


def strict(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses and names, with views that refuse parameters which they do not name."""
    return derived(patterns, _strict)


class KnownParameters(APIView):
    """A view that refuses to read by a parameter which it does not know."""

    def check_throttles(self, request: Request) -> None:
        super().check_throttles(request)
        if request.method not in READING or not request.query_params:
            return
        known = parameters_of(type(self))  # type: ignore[arg-type]
        if known and (unknown := [name for name in request.query_params if name not in known]):
            problem = f"Not a parameter of this address. It has {', '.join(sorted(known))}."
            raise InvalidInput(fields=dict.fromkeys(unknown, problem))


@cache
def _strict(view: type[APIView]) -> type[APIView]:
    return subclass(view, KnownParameters) if hasattr(view, "get") else view
