"""Where the API's addresses get what all of them share, so that no view has to know of it."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver
from rest_framework.views import APIView

from trustengine.api.idempotency import Idempotent
from trustengine.api.throttles import with_read_limits

Views = type[APIView]


def idempotent(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses and names, with views that take ``Idempotency-Key`` and limit their reads."""
    return derived(patterns, _with_keys)


def derived(
    patterns: Iterable[URLPattern | URLResolver], derive: Callable[[Any], Views]
) -> list[URLPattern | URLResolver]:
    """The same addresses and names, with views that are derived from theirs."""
    return [
        URLResolver(
            pattern.pattern,
            derived(pattern.url_patterns, derive),
            pattern.default_kwargs,
            pattern.app_name,
            pattern.namespace,
        )
        if isinstance(pattern, URLResolver)
        else _endpoint(pattern, derive)
        for pattern in patterns
    ]


def subclass(view: Views, mixin: type, **members: Any) -> Views:
    """A subclass that answers to the view's own name and documentation, as logs and the schema show them."""
    described = {name: getattr(view, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(view.__name__, (mixin, view), {**described, **members})


def _endpoint(pattern: URLPattern, derive: Callable[[Any], Views]) -> URLPattern:
    view = getattr(pattern.callback, "cls", None)
    if view is None or not issubclass(view, APIView):
        return pattern
    callback = derive(view).as_view(**pattern.callback.initkwargs)  # type: ignore[attr-defined]
    return URLPattern(pattern.pattern, callback, pattern.default_args, pattern.name)


@cache
def _with_keys(view: Views) -> Views:
    return subclass(view, Idempotent, throttle_classes=with_read_limits(view.throttle_classes))
