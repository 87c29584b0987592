"""Columns of people's text. Each stores, and is searched by, the normalised form, whatever the door.

Migrations know them as Django's own fields: in the database they are nothing else.
"""

from typing import Any

from django.db import models
from django.db.models.lookups import Contains, EndsWith, IContains, IEndsWith, IStartsWith, Lookup, StartsWith

from trustengine.forms import NormalisedCharField as FormField
from trustengine.text import normalised


class _Normalised(models.Field):
    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return normalised(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Leave in the instance what is stored."""
        value = super().pre_save(model_instance, add)
        if isinstance(value, str):
            value = normalised(value)
            setattr(model_instance, self.attname, value)
        return value

    def formfield(self, **options: Any) -> Any:  # type: ignore[override]
        if self.choices is None:
            options.setdefault("form_class", FormField)
        return super().formfield(**options)

    def deconstruct(self) -> Any:
        name, _, arguments, options = super().deconstruct()
        return name, f"django.db.models.{self.get_internal_type()}", arguments, options


def _prepared(lookup: type[Lookup]) -> type[Lookup]:
    """Look for the normalised form: Django prepares no value that is part of a pattern."""
    return type(lookup.__name__, (lookup,), {"prepare_rhs": True})


for _lookup in (Contains, IContains, StartsWith, IStartsWith, EndsWith, IEndsWith):
    _Normalised.register_lookup(_prepared(_lookup))


class NormalisedCharField(_Normalised, models.CharField):
    """A bounded text that people write."""


class NormalisedTextField(_Normalised, models.TextField):
    """A long text that people write."""
