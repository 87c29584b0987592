"""JSON as RFC 8259 has it: UTF-8, of bounded size and depth."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

# No body of this API nests deeper than a handful; what recurses over one later must not run out of stack.
MAX_DEPTH = 32
# Half of a pair, escaped, may be all there is: such text can neither be stored nor be quoted in an answer.
HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
TOO_DEEP = f"The JSON is nested more than {MAX_DEPTH} deep."


class JSONParser(BaseParser):
    """DRF's own reads a body of any size, in whatever charset the request names, and fails on deep nesting."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = read_body(stream)
        try:
            parsed = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ValueError as error:
            raise ParseError("The body is not valid JSON.") from error
        # A document cannot be deeper than it has brackets: few are worth the walk.
        if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deeper(parsed, MAX_DEPTH):
            raise ParseError(TOO_DEEP)
        if HALF_CHARACTER.search(body):
            try:
                json.dumps(parsed, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                raise ParseError("The JSON spells half a character.") from error
        return parsed


def read_body(stream: IO[bytes]) -> bytes:
    """All of a body. Raises RequestDataTooBig beyond ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""
    body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig
    return body


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _is_deeper(document: Any, depth: int) -> bool:
    """Whether lists and objects stand more than ``depth`` within each other. Level by level, without recursion."""
    level: list[Any] = [document]
    for _ in range(depth):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
