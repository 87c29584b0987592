"""Fields of serializers that take people's text."""

from typing import Any

from rest_framework import serializers

from trustengine.text import is_storable, normalised


class NormalisedText(serializers.CharField):
    """Text as it is stored: length and emptiness are those of the normalised form. NUL is refused."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and is_storable(data):
            data = normalised(data)
        return super().run_validation(data)
