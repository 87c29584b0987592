"""What pages outside of the API share with it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from trustengine.api.problems import unavailable
from trustengine.api.throttles import count_page_read
from trustengine.errors import RateLimitExceeded


class LimitedPage:
    """A page whose reads count under the API's limits of reads. Stands before ``View``."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in {"GET", "HEAD"}:
            try:
                count_page_read(request)
            except RateLimitExceeded as error:
                return unavailable(request, error)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer
