"""Filters by colleagues."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from trustengine.accounts.models import User
from trustengine.admin.evidence import as_uuid


class StaffFilter(DropdownFilter):
    """Rows of one colleague: staff are few, so that all of them can be named."""

    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        staff = User.objects.filter(is_staff=True).order_by("username")
        return [(str(user.pk), str(user)) for user in staff]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        colleague = as_uuid(str(self.value() or ""))
        return queryset.filter(**{self.column: colleague}) if colleague else queryset
