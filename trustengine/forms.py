"""Fields of forms that take people's text."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from trustengine.text import is_storable, normalised


class NormalisedCharField(forms.CharField):
    """Text as it is stored: length and emptiness are those of the normalised form. NUL is refused."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not isinstance(text, str):
            return text
        if not is_storable(text):
            raise ValidationError("Null characters are not allowed.", code="null_characters_not_allowed")
        return normalised(text) or self.empty_value
