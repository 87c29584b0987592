from typing import Any

import django_filters
from django.db.models import QuerySet

from reports.models import Action, Appeal, Case, ContentType, Decision, Proposal, Report, StatementOfReasons
from trustengine.api.filters import TrueOrFalseFilter, by_time


class CaseFilter(by_time("opened_at", of="Opened")):  # type: ignore[misc]
    """Cases by queue, state (open unless asked otherwise), lateness, claim and content."""

    queue = django_filters.ChoiceFilter(choices=Case.Queue.choices)
    state = django_filters.ChoiceFilter(choices=Case.State.choices, method="by_state", label="`open` where absent")
    overdue = TrueOrFalseFilter(method="by_lateness", label="Past its due time, or not")
    claimed = django_filters.ChoiceFilter(
        choices=[("me", "By the caller"), ("none", "By nobody")], method="by_claim", label="Whose at present"
    )
    content_type = django_filters.ChoiceFilter(choices=ContentType.choices)
    content_id = django_filters.UUIDFilter()

    class Meta:
        model = Case
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Case]) -> QuerySet[Case]:
        cases = super().filter_queryset(queryset)
        return cases if self.form.cleaned_data.get("state") else cases.open()  # type: ignore[attr-defined]

    def by_state(self, cases: QuerySet[Case], name: str, value: str) -> QuerySet[Case]:
        return cases.filter(state=value)

    def by_lateness(self, cases: Any, name: str, value: bool) -> QuerySet[Case]:
        late = Case.objects.overdue().values("pk")
        found: QuerySet[Case] = cases.filter(pk__in=late) if value else cases.exclude(pk__in=late)
        return found

    def by_claim(self, cases: Any, name: str, value: str) -> QuerySet[Case]:
        unclaimed = Case.objects.unclaimed().values("pk")
        found: QuerySet[Case] = (
            cases.filter(pk__in=unclaimed)
            if value == "none"
            else cases.filter(claimed_by=self.request.user).exclude(pk__in=unclaimed)
        )
        return found


class DecisionFilter(by_time("created_at", of="Decided")):  # type: ignore[misc]
    """Decisions by what was done, by whom, and about what."""

    action = django_filters.ChoiceFilter(choices=Action.choices)
    moderator = django_filters.UUIDFilter(field_name="moderator_id")
    reason = django_filters.CharFilter(field_name="reason_id", max_length=40, label="A reason code")
    automated = TrueOrFalseFilter()
    content_type = django_filters.ChoiceFilter(choices=ContentType.choices)
    content_id = django_filters.UUIDFilter()

    class Meta:
        model = Decision
        fields: list[str] = []


class AppealFilter(by_time("created_at", of="Made")):  # type: ignore[misc]
    state = django_filters.ChoiceFilter(choices=Appeal.State.choices)

    class Meta:
        model = Appeal
        fields: list[str] = []


class ProposalFilter(by_time("created_at", of="Made")):  # type: ignore[misc]
    state = django_filters.ChoiceFilter(choices=Proposal.State.choices)

    class Meta:
        model = Proposal
        fields: list[str] = []


class OwnReportFilter(by_time("created_at", of="Made")):  # type: ignore[misc]
    """One's own reports by what became of them, content and time."""

    status = django_filters.ChoiceFilter(choices=Report.Status.choices)
    content_type = django_filters.ChoiceFilter(choices=ContentType.choices)
    content_id = django_filters.UUIDFilter()

    class Meta:
        model = Report
        fields: list[str] = []


class OwnDecisionFilter(by_time("created_at", of="Told")):  # type: ignore[misc]
    """Decisions that concern oneself, by what was done, content, role and time."""

    action = django_filters.ChoiceFilter(field_name="decision__action", choices=Action.choices)
    content_type = django_filters.ChoiceFilter(field_name="decision__content_type", choices=ContentType.choices)
    content_id = django_filters.UUIDFilter(field_name="decision__content_id")
    role = django_filters.ChoiceFilter(choices=StatementOfReasons.Role.choices, label="As author or as reporter")

    class Meta:
        model = StatementOfReasons
        fields: list[str] = []
