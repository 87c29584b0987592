"""Where the API's addresses get what all of them share, so that no view has to know of it."""

from collections.abc import Iterable
from functools import cache

from django.urls import URLPattern, URLResolver
from rest_framework.views import APIView

from trustengine.api.idempotency import Idempotent


def idempotent(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses and names, with views whose unsafe methods take ``Idempotency-Key``."""
    return [
        URLResolver(
            pattern.pattern,
            idempotent(pattern.url_patterns),
            pattern.default_kwargs,
            pattern.app_name,
            pattern.namespace,
        )
        if isinstance(pattern, URLResolver)
        else _endpoint(pattern)
        for pattern in patterns
    ]


def _endpoint(pattern: URLPattern) -> URLPattern:
    view = getattr(pattern.callback, "cls", None)
    if view is None or not issubclass(view, APIView):
        return pattern
    callback = _with_keys(view).as_view(**pattern.callback.initkwargs)  # type: ignore[attr-defined]
    return URLPattern(pattern.pattern, callback, pattern.default_args, pattern.name)


@cache
def _with_keys(view: type[APIView]) -> type[APIView]:
    """A subclass that answers to the view's own name and documentation, as logs and the schema show them."""
    described = {name: getattr(view, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(view.__name__, (Idempotent, view), described)
