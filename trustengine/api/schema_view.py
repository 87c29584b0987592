"""``/api/schema/``: the OpenAPI document, built once in each process."""

import hashlib
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_building = threading.Lock()


class SchemaView(SpectacularAPIView):
    """The document depends on the code and the settings alone, and takes a second of CPU to build.

    So each process builds it on the first request, in each of its formats, and answers from
    memory after that: 304 to whoever has it already.
    """

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        renderer: BaseRenderer = request.accepted_renderer  # type: ignore[attr-defined]
        with _building:  # else every thread would build its own at the start
            body, etag = _document(type(renderer))  # type: ignore[arg-type]
        answer = HttpResponse(body, content_type=renderer.media_type)
        answer["Content-Disposition"] = f'inline; filename="TrustEngine.{renderer.format}"'
        answer["Cache-Control"] = "public, max-age=300"
        answer["ETag"] = etag
        patch_vary_headers(answer, ["Accept"])
        conditional = get_conditional_response(request._request, etag=etag, response=answer)
        if conditional is not answer and conditional is not None:
            patch_vary_headers(conditional, ["Accept"])
        return conditional or answer


@cache
def _document(renderer: Callable[[], BaseRenderer]) -> tuple[bytes, str]:
    """The document in the format of a renderer, and its ETag."""
    view = SpectacularAPIView
    generator: Any = view.generator_class(urlconf=view.urlconf)
    schema = generator.get_schema(request=None, public=True)
    body = renderer().render(schema, renderer_context={})
    body = body if isinstance(body, bytes) else body.encode()
    return body, f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
