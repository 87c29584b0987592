from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reports import examples as shown
from reports.models import Appeal, Decision, LookBack, Proposal
from reports.services.deciding import CHOICES_BY_HAND
from reviews.serializers import LongText
from trustengine.accounts.models import User
from trustengine.admin.identities import SEE_IDENTITIES, is_known, name_of
from trustengine.api.schema import example, examples


class PersonOutput(serializers.Serializer[Any]):
    """Somebody, under the name by which the caller may know them.

    ``id`` is null where that is a pseudonym: only those who may see identities get a user's id.
    """

    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


def person(user: User | None, viewer: User) -> dict[str, Any] | None:
    if user is None:
        return None
    return {"id": user.pk if is_known(user, viewer) else None, "name": name_of(user, viewer)}


@example(shown.DECISION_INPUT)
class DecisionInput(serializers.Serializer[Any]):
    """What is decided and why. ``version`` is the case's as it was seen; ``facts`` are told to the author."""

    action = serializers.ChoiceField(CHOICES_BY_HAND)
    reason_code = serializers.CharField(max_length=40)
    note = LongText(2_000)
    facts = LongText(2_000)
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


@examples(dict.fromkeys((200, 201), shown.DECISION))
class DecisionOutput(serializers.ModelSerializer[Decision]):
    """A decision as moderators see it."""

    reason_code = serializers.CharField(source="reason_id")
    moderator = serializers.SerializerMethodField()
    superseded_by = serializers.SerializerMethodField()
    note = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()
    undo_until = serializers.DateTimeField(source="notice_after")

    class Meta:
        model = Decision
        fields = [
            "id",
            "case",
            "content_type",
            "content_id",
            "action",
            "reason_code",
            "automated",
            "moderator",
            "supersedes",
            "superseded_by",
            "note",
            "facts",
            "created_at",
            "undo_until",
        ]

    @extend_schema_field(PersonOutput(allow_null=True))
    def get_moderator(self, decision: Decision) -> dict[str, Any] | None:
        """Null where a rule decided."""
        return person(decision.moderator, self.context["viewer"])

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_superseded_by(self, decision: Decision) -> Any:
        """The decision that took this one back; null while it stands."""
        later = getattr(decision, "superseded_by", None)
        return later and later.pk

    def get_note(self, decision: Decision) -> str:
        return getattr(getattr(decision, "text", None), "note", "")

    def get_facts(self, decision: Decision) -> str:
        return getattr(getattr(decision, "text", None), "facts", "")


@examples(dict.fromkeys((200, 202), shown.PROPOSAL))
class ProposalOutput(serializers.ModelSerializer[Proposal]):
    """A decision that waits for a second person. ``undoes`` names the one that it takes back, ``appeal`` by which."""

    reason_code = serializers.CharField(source="reason_id")
    proposed_by = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = [
            "id",
            "case",
            "action",
            "reason_code",
            "note",
            "facts",
            "undoes",
            "appeal",
            "proposed_by",
            "state",
            "settled_at",
            "decision",
            "created_at",
        ]

    @extend_schema_field(PersonOutput())
    def get_proposed_by(self, proposal: Proposal) -> dict[str, Any] | None:
        return person(proposal.proposed_by, self.context["viewer"])


@example(shown.RULING_INPUT)
class RulingInput(serializers.Serializer[Any]):
    ruling = serializers.ChoiceField(["uphold", "overturn"])
    text = LongText(5_000)


@example(shown.APPEAL)
class AppealOutput(serializers.ModelSerializer[Appeal]):
    """An appeal as moderators see it, with the decision that it is against."""

    appellant = serializers.SerializerMethodField()
    decision = DecisionOutput()

    class Meta:
        model = Appeal
        fields = [
            "id",
            "case",
            "decision",
            "appellant",
            "role",
            "text",
            "state",
            "ruling_text",
            "ruled_at",
            "created_at",
        ]

    @extend_schema_field(PersonOutput(allow_null=True))
    def get_appellant(self, appeal: Appeal) -> dict[str, Any] | None:
        """Null for a reporter whom the caller may not know."""
        viewer = self.context["viewer"]
        if appeal.role == "reporter" and not viewer.has_perm(SEE_IDENTITIES):
            return None
        return person(appeal.appellant, viewer)


@example(shown.LOOK_BACK_INPUT)
class LookBackInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=40, help_text="A code of the catalogue.")


@examples(dict.fromkeys((200, 202), shown.LOOK_BACK))
class LookBackOutput(serializers.ModelSerializer[LookBack]):
    """Past reviews of an author put back into cases, as one step."""

    author = serializers.SerializerMethodField()

    class Meta:
        model = LookBack
        fields = ["id", "author", "reason", "state", "cases_opened", "created_at", "finished_at"]

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_author(self, started: LookBack) -> Any:
        """Null for whoever may not know the author's id."""
        return started.author_id if is_known(started.author, self.context["viewer"]) else None
