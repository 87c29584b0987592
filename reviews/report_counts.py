"""How often a content was reported: for moderators, of what is not their own; for others the member is not there."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from trustengine.accounts.callers import viewer
from trustengine.accounts.models import User


def moderator_of(request: Request) -> User | None:
    """The caller, if they moderate."""
    user = viewer(request)
    return user if user is not None and user.has_perm("reviews.moderate_review") else None


class WithReportCount(serializers.Serializer[Any]):
    """Adds ``report_count`` for the moderator in ``context["moderator"]``. Stands before other bases."""

    report_count = serializers.IntegerField(
        required=False, help_text="Reports of it that were not withdrawn. For moderators only."
    )

    def to_representation(self, instance: Any) -> Any:
        answer = super().to_representation(instance)
        moderator: User | None = self.context.get("moderator")
        if moderator is None or getattr(instance, "author_id", None) == moderator.pk:
            del answer["report_count"]
        return answer
