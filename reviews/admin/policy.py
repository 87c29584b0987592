"""The screening policy, version by version, and the deny list. Both change through services."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from reviews.admin.deciding import REASONS
from reviews.models import DenyTerm, PolicyRule, ScreeningPolicy
from reviews.screening.catalogue import KINDS
from reviews.services.screening import (
    MOST_WORDS,
    add_deny_term,
    change_draft,
    discard_draft,
    draft_policy,
    fold_term,
    publish_policy,
    retire_deny_terms,
)
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin, Link, name_of, register_links
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import MODERATION
from trustengine.errors import DomainError

EDIT = "reviews.edit_screening"
STEPS = ("save", "publish", "discard")
TONES = {"draft": "warning", "published": "success", "retired": ""}


class PolicyForm(forms.Form):
    """A draft's thresholds; empty fields of the trust rule leave it to the settings."""

    queue_at = forms.FloatField(min_value=0, max_value=1, label="A moderator decides from a score of")
    restrict_at = forms.FloatField(
        min_value=0.01, max_value=1, required=False, label="Restricted from a score of (empty: never)"
    )
    min_reputation = forms.IntegerField(
        min_value=0, max_value=100, required=False, label="Approved by rule from a reputation of (empty: the setting)"
    )
    min_consecutive = forms.IntegerField(
        min_value=0, max_value=1_000, required=False, label="… and so many approvals in a row (empty: the setting)"
    )


class RuleForm(forms.Form):
    """What a draft makes of one signal."""

    enabled = forms.BooleanField(required=False)
    weight = forms.FloatField(min_value=0, max_value=1)
    action = forms.ChoiceField(choices=PolicyRule.Action.choices, widget=forms.Select({"class": "te-select"}))


@admin.register(ScreeningPolicy)
class ScreeningPolicyAdmin(EvidenceAdmin):
    """Versions to read; a draft has a form, and is put in force by its own button."""

    page_title = "Screening policy"
    list_display = ["shown_version", "shown_state", "rules_that_hold", "published"]
    ordering = ["-version"]
    sortable_by = ()
    fields = ()
    change_list_template = "console/reviews/policies.html"
    change_form_template = "console/reviews/policy.html"

    @admin.display(description="Version")
    def shown_version(self, policy: ScreeningPolicy) -> str:
        return f"Version {policy.version}"

    @admin.display(description="State")
    def shown_state(self, policy: ScreeningPolicy) -> SafeString:
        return pill("in force" if policy.state == "published" else policy.state, TONES[policy.state])

    @admin.display(description="Signals that hold a review back")
    def rules_that_hold(self, policy: ScreeningPolicy) -> str:
        rules = [rule for rule in policy.rules.all() if rule.enabled and rule.action != PolicyRule.Action.NOTE]
        return f"{len(rules)} of {len(KINDS)}"

    @admin.display(description="In force since")
    def published(self, policy: ScreeningPolicy) -> SafeString | str:
        return age(policy.published_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScreeningPolicy]:
        policies: QuerySet[ScreeningPolicy] = super().get_queryset(request)
        return policies.select_related("created_by", "published_by").prefetch_related("rules")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [path("draft/", view(self.draft_view), name="reviews_screeningpolicy_draft")]
        for step in STEPS:
            name = f"reviews_screeningpolicy_{step}"
            own.append(path(f"<uuid:policy_id>/{step}/", view(self.step_view), {"step": step}, name=name))
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Begin a draft, or go on with one's own."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_editor(request)
        return redirect("admin:reviews_screeningpolicy_change", draft_policy(actor=_user(request)).pk)

    def step_view(self, request: HttpRequest, policy_id: UUID, step: str) -> HttpResponse:
        """Save a draft, and with the other buttons put it in force or throw it away."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_editor(request)
        policy = ScreeningPolicy.objects.filter(pk=policy_id).first()
        if policy is None:
            raise Http404
        form, rules = PolicyForm(request.POST), _rule_forms(policy, request.POST)
        here = redirect("admin:reviews_screeningpolicy_change", policy.pk)
        try:
            if step == "discard":
                discard_draft(policy.pk, actor=_user(request))
                messages.success(request, f"The draft of version {policy.version} is gone.")
                return redirect("admin:reviews_screeningpolicy_changelist")
            if not form.is_valid() or not all(rule.is_valid() for rule in rules.values()):
                messages.error(request, _complaints(form, rules))
                return here
            given = {name: rule.cleaned_data for name, rule in rules.items()}
            change_draft(policy.pk, actor=_user(request), parameters=form.cleaned_data, rules=given)
            if step == "publish":
                publish_policy(policy.pk, actor=_user(request))
                messages.success(request, f"Version {policy.version} is in force.")
            else:
                messages.success(request, "The draft has been saved. It is not in force yet.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return here

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        policy = self.get_object(request, object_id)
        context = _page(policy, request) if isinstance(policy, ScreeningPolicy) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_edit": request.user.has_perm(EDIT), **(extra_context or {})}
        return super().changelist_view(request, context)


class DenyTermForm(forms.ModelForm):
    """A new term. Its spelling does not matter: it is compared without case, accents and disguises."""

    reason = forms.ChoiceField(
        choices=REASONS, initial="spam", widget=UnfoldAdminSelectWidget, help_text="What the author is told."
    )

    class Meta:
        model = DenyTerm
        fields = ["term", "action", "reason", "note"]
        widgets = {
            "term": UnfoldAdminTextInputWidget,
            "action": UnfoldAdminSelectWidget,
            "note": UnfoldAdminTextInputWidget,
        }

    def clean_term(self) -> str:
        term = str(self.cleaned_data["term"])
        folded = fold_term(term)
        if not folded or len(folded.split()) > MOST_WORDS:
            raise forms.ValidationError(f"A term has letters or digits, and at most {MOST_WORDS} words.")
        if DenyTerm.objects.active().filter(folded=folded).exists():
            raise forms.ValidationError("This term is on the list already, perhaps in another spelling.")
        return term


class ActiveFilter(admin.SimpleListFilter):
    """Terms that are looked for, unless asked for the others."""

    title = "state"
    parameter_name = "retired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Retired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DenyTerm]) -> QuerySet[DenyTerm]:
        return queryset.filter(retired_at=None) if self.value() != "1" else queryset.exclude(retired_at=None)


class EditorsForm(EvidenceAdmin):
    """A form to add rows by, for those who may change what screening goes by."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(EDIT)


@admin.register(DenyTerm)
class DenyTermAdmin(EditorsForm):
    """Words that are not wanted. They are added and retired, and never changed."""

    page_title = "Deny list"
    form = DenyTermForm
    list_filter = [ActiveFilter, ("action", ChoicesDropdownFilter)]
    list_select_related = ["added_by"]
    list_display_links = None
    search_fields = ["term", "folded", "note"]
    search_help_text = "A term or a note"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    actions = ["retire"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Added by")
        def added_by(term: DenyTerm) -> str:
            return name_of(term.added_by, request.user) if term.added_by else "–"

        return ["term", "what_follows", "reason", "note", added_by, "added"]

    @admin.display(description="What follows")
    def what_follows(self, term: DenyTerm) -> SafeString:
        if not term.is_active:
            return pill("retired", "")
        return pill(term.action, "danger" if term.action == DenyTerm.Action.BLOCK else "warning")

    @admin.display(description="Added")
    def added(self, term: DenyTerm) -> SafeString | str:
        return age(term.created_at)

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(EDIT)

    def save_model(self, request: HttpRequest, obj: DenyTerm, form: Any, change: bool) -> None:
        row = add_deny_term(actor=_user(request), **form.cleaned_data)
        obj.pk, obj._state.adding = row.pk, False

    def response_add(self, request: HttpRequest, obj: DenyTerm, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, "The term is looked for from now on.")
        return redirect("admin:reviews_denyterm_changelist")

    @admin.action(description="Stop looking for selected terms", permissions=["edit"])
    def retire(self, request: HttpRequest, queryset: QuerySet[DenyTerm]) -> None:
        count = retire_deny_terms(list(queryset.values_list("pk", flat=True)), actor=_user(request))
        self.message_user(request, f"{count} retired.", messages.SUCCESS)


def _page(policy: ScreeningPolicy, request: HttpRequest) -> dict[str, Any]:
    may_edit = request.user.has_perm(EDIT) and policy.state == ScreeningPolicy.State.DRAFT
    stored = {rule.signal: rule for rule in policy.rules.all()}
    forms_by_signal = _rule_forms(policy, None)
    rules = [
        {"name": name, "title": kind.title, "rule": stored.get(name), "form": forms_by_signal.get(name)}
        for name, kind in KINDS.items()
    ]
    parameters = {name: getattr(policy, name) for name in PolicyForm.base_fields}
    return {
        "policy": policy,
        "heading": f"Version {policy.version}",
        "tone": TONES[policy.state],
        "rules": rules,
        "may_edit": may_edit,
        "may_draft": request.user.has_perm(EDIT) and not may_edit,
        "form": PolicyForm(initial=parameters),
        "parameters": parameters,
        "parent_url": reverse("admin:reviews_screeningpolicy_changelist"),
        "parent_title": "Screening policy",
    }


def _rule_forms(policy: ScreeningPolicy, data: Any) -> dict[str, RuleForm]:
    """A form for each signal that the draft has a rule for."""
    return {
        rule.signal: RuleForm(
            data, prefix=rule.signal, initial={"enabled": rule.enabled, "weight": rule.weight, "action": rule.action}
        )
        for rule in policy.rules.all()
    }


def _complaints(form: PolicyForm, rules: dict[str, RuleForm]) -> str:
    wrong = [KINDS[name].title for name, rule in rules.items() if not rule.is_valid() and name in KINDS]
    fields = [str(form.fields[name].label) for name in form.errors if name in form.fields]
    return f"Nothing was saved. Please look again at: {'; '.join([*fields, *wrong])}."


def _require_editor(request: HttpRequest) -> None:
    if not request.user.has_perm(EDIT):
        raise PermissionDenied


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


register_links(
    MODERATION,
    Link(
        "Screening policy",
        "reviews_screeningpolicy_changelist",
        "policy",
        permission="reviews.view_screeningpolicy",
        order=60,
    ),
    Link("Deny list", "reviews_denyterm_changelist", "block", permission="reviews.view_denyterm", order=70),
)
