"""Public answers that caches between here and the reader may keep.

Only what anyone gets: an answer to a request with a token is ``private``. The ETag is a
digest of the answer itself, so that it says nothing which the answer does not.
"""

import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

READING = {"GET", "HEAD"}


class PublicRead(APIView):
    """A view whose answers to GET carry an ETag and say how long they may be kept. Stands before other bases."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in READING:
            # Who asks decides what is answered, so a cache must not give the one's answer to the other.
            patch_vary_headers(response, ["Authorization"])
            if response.status_code == 200 and "Cache-Control" not in response:
                response["Cache-Control"] = "private, no-cache" if _has_token(request) else _public()
                response.add_post_render_callback(lambda rendered: _tagged(request, rendered))
            else:
                response.setdefault("Cache-Control", "no-store")
        return response


def _tagged(request: Request, response: Response) -> HttpResponse | None:
    """The rendered answer with its ETag, or 304 for a caller who has it already."""
    etag = f'"{hashlib.blake2b(response.rendered_content, digest_size=16).hexdigest()}"'
    response["ETag"] = etag
    conditional = get_conditional_response(request._request, etag=etag, response=response)
    if conditional is None or conditional is response:
        return None
    for name in ("Vary", "Allow"):
        if name in response:
            conditional.setdefault(name, response[name])
    return conditional


def _public() -> str:
    return (
        f"public, max-age={settings.PUBLIC_MAX_AGE_SECONDS}, "
        f"stale-while-revalidate={settings.PUBLIC_REVALIDATE_SECONDS}, stale-if-error={settings.PUBLIC_STALE_SECONDS}"
    )


def _has_token(request: Request) -> bool:
    return bool(request.META.get("HTTP_AUTHORIZATION"))
