"""How WSGI requests are read: as UTF-8, whatever charset they name."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Leaves the charset of ``Content-Type`` unread; JSON and modern forms are UTF-8 anyway.

    Python knows codecs that are none of text (``zlib``) or that cannot replace what they do
    not understand (``idna``). Django decodes the query string with whichever is named while
    it makes the request, before any of its error handling.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Utf8Handler(WSGIHandler):
    request_class = Utf8Request
