"""``?search=`` of the API's lists."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from trustengine.forms import NormalisedCharField
from trustengine.search import MOST_CHARACTERS, TOO_MANY, containing_words, too_many


class SearchField(NormalisedCharField):
    """Words to search for, of a bounded number: each costs a look into the index."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if too_many(str(value or "")):
            raise forms.ValidationError(**TOO_MANY)


class SearchFilter(django_filters.CharFilter):
    """Rows that have all words given in one of ``columns``; needs an index of their ``WordVector``."""

    field_class = SearchField

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        self.columns = columns
        super().__init__(max_length=MOST_CHARACTERS, **kwargs)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return containing_words(rows, value, *self.columns) if value else rows
