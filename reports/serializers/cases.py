from typing import Any

from rest_framework import serializers

from reports import examples as shown
from reports.models import Case, ContentType, Report
from reports.serializers.decisions import AppealOutput, DecisionOutput, PersonOutput, ProposalOutput
from trustengine.api.schema import example


@example(shown.NEXT_INPUT)
class NextInput(serializers.Serializer[Any]):
    """From which queue, and which cases to pass over."""

    queue = serializers.ChoiceField(Case.Queue.choices, required=False, allow_null=True)
    skip = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=200)


class PartOutput(serializers.Serializer[Any]):
    """One factor of a priority, and why it is so."""

    name = serializers.CharField()
    factor = serializers.FloatField()
    words = serializers.CharField()


class AuthorOutput(PersonOutput):
    """Whose content it is, and how they stand."""

    score = serializers.IntegerField()
    approved = serializers.IntegerField()
    rejected = serializers.IntegerField()
    warnings = serializers.IntegerField()
    is_suspended = serializers.BooleanField()


class WaitingText(serializers.Serializer[Any]):
    """A text that waits for a decision."""

    number = serializers.IntegerField()
    rating = serializers.IntegerField(allow_null=True)
    title = serializers.CharField()
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class ContentOutput(serializers.Serializer[Any]):
    """A review, reply or product as moderators see it."""

    product = serializers.UUIDField()
    product_title = serializers.CharField()
    rating = serializers.IntegerField(allow_null=True)
    title = serializers.CharField()
    text = serializers.CharField()
    status = serializers.CharField()
    is_public = serializers.BooleanField()
    is_hidden = serializers.BooleanField()
    is_restricted = serializers.BooleanField()
    is_removed = serializers.BooleanField()
    report_count = serializers.IntegerField()
    waiting = WaitingText(allow_null=True)
    author = AuthorOutput(allow_null=True)
    created_at = serializers.DateTimeField()


class FileOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    byte_count = serializers.IntegerField()
    page_count = serializers.IntegerField()
    url = serializers.CharField()


class ReportShown(serializers.Serializer[Any]):
    """A report of the content. ``reporter`` is null for whoever may not see identities."""

    id = serializers.UUIDField()
    reason = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(Report.Status.choices)
    reliability = serializers.FloatField()
    reporter = PersonOutput(allow_null=True)
    snapshot = serializers.DictField()
    evidence = FileOutput(many=True)
    created_at = serializers.DateTimeField()


class SignalOutput(serializers.Serializer[Any]):
    """What an automatic check has found."""

    name = serializers.CharField()
    weight = serializers.FloatField()
    sentence = serializers.CharField()


@example(shown.CASE)
class CaseOutput(serializers.Serializer[Any]):
    """What there is to decide. ``reports`` holds the latest twenty; ``content`` is null once withdrawn."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    queue = serializers.ChoiceField(Case.Queue.choices)
    state = serializers.ChoiceField(Case.State.choices)
    priority = serializers.FloatField()
    parts = PartOutput(many=True)
    content_type = serializers.ChoiceField(ContentType.choices)
    content_id = serializers.UUIDField()
    content = ContentOutput(allow_null=True)
    claimed_by = PersonOutput(allow_null=True)
    claim_expires_at = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    reports = ReportShown(many=True)
    signals = SignalOutput(many=True)


@example(shown.CASE_DETAIL)
class CaseDetailOutput(CaseOutput):
    """A case with what was decided about its content before, and what else waits on it."""

    decisions = DecisionOutput(many=True)
    proposal = ProposalOutput(allow_null=True)
    appeals = AppealOutput(many=True)
