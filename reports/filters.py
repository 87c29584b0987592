from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from reports.models import Action, Appeal, Case, ContentType, Decision, Proposal
from reviews.filters import TrueOrFalseFilter


class CaseFilter(django_filters.FilterSet):
    """Cases by queue, state (open unless asked otherwise), lateness, claim and content."""

    queue = django_filters.ChoiceFilter(choices=Case.Queue.choices)
    state = django_filters.ChoiceFilter(choices=Case.State.choices, method="by_state", label="`open` where absent")
    overdue = TrueOrFalseFilter(method="by_lateness", label="Past its due time, or not", widget=forms.TextInput)
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


class DecisionFilter(django_filters.FilterSet):
    """Decisions by what was done, by whom, and about what."""

    action = django_filters.ChoiceFilter(choices=Action.choices)
    moderator = django_filters.UUIDFilter(field_name="moderator_id")
    automated = TrueOrFalseFilter(widget=forms.TextInput)
    content_type = django_filters.ChoiceFilter(choices=ContentType.choices)
    content_id = django_filters.UUIDFilter()

    class Meta:
        model = Decision
        fields: list[str] = []


class AppealFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Appeal.State.choices)

    class Meta:
        model = Appeal
        fields: list[str] = []


class ProposalFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Proposal.State.choices)

    class Meta:
        model = Proposal
        fields: list[str] = []
