"""Messages and cached values in Redis, as JSON: a pickle would let anybody who writes to Redis run code here."""

import dataclasses
import json
from typing import Any

from rest_framework.utils.encoders import JSONEncoder


class NotJSON(ValueError):
    """A value in Redis is no JSON, such as one of a version before this one."""


class _Encoder(JSONEncoder):
    def default(self, obj: Any) -> Any:
        if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
            return dataclasses.asdict(obj)
        return super().default(obj)


class Messages:
    """RQ's messages. One that is no JSON is refused, and RQ drops it: the next sweep wakes the worker again."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value, cls=_Encoder).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        """Raises NotJSON."""
        try:
            return json.loads(data)
        except ValueError as error:
            raise NotJSON from error


class CachedValues:
    """Values of the cache. Tuples come back as lists, times and ids as text; what is no JSON is not there."""

    def dumps(self, value: Any) -> bytes:
        return Messages.dumps(value)

    def loads(self, data: bytes) -> Any:
        try:
            return Messages.loads(data)
        except NotJSON:
            return None
