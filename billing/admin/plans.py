"""Plans, version by version. They change through services: a draft is written, published, and stays."""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from billing.meters import METERS, MOST
from billing.models import PlanMeter, PlanVersion, Subscription
from billing.models.plan import MOST_CENTS
from billing.services.plans import (
    EDIT,
    change_draft,
    create_plan,
    discard_draft,
    draft_version,
    make_default,
    publish_version,
    retire_version,
)
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.presentation import age, money, pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.audit import reading
from trustengine.errors import DomainError
from trustengine.forms import NormalisedCharField
from trustengine.row_security import Reason, every_row

STEPS = ("save", "publish", "discard", "copy", "retire", "default")
TONES = {"draft": "warning", "published": "success", "retired": ""}


class NewPlanForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", "Small letters, digits and hyphens.")],
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "code, such as shop-plus", "aria-label": "Code"}),
    )
    name = NormalisedCharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "name, such as Shop Plus", "aria-label": "Name"}),
    )


class TermsForm(forms.Form):
    price_cents = forms.IntegerField(
        min_value=0, max_value=MOST_CENTS, label="Price a month, in minor units", widget=UnfoldAdminTextInputWidget
    )
    currency = forms.RegexField("^[A-Z]{3}$", max_length=3, widget=UnfoldAdminTextInputWidget)
    description = NormalisedCharField(
        max_length=2_000,
        required=False,
        label="Description, public",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    internal_price_cents = forms.IntegerField(
        min_value=0,
        max_value=MOST_CENTS,
        required=False,
        label="What it costs us, never shown outside",
        widget=UnfoldAdminTextInputWidget,
    )
    internal_note = NormalisedCharField(
        max_length=500, required=False, label="Note, never shown outside", widget=UnfoldAdminTextInputWidget
    )


class MeterForm(forms.Form):
    """One meter of a draft; with neither number the plan does not speak of it."""

    included = forms.IntegerField(min_value=0, max_value=MOST, required=False, widget=UnfoldAdminTextInputWidget)
    limit = forms.IntegerField(min_value=0, max_value=MOST, required=False, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(choices=PlanMeter.Kind.choices, widget=UnfoldAdminSelectWidget)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        limit, included = given.get("limit"), given.get("included") or 0
        if given.get("kind") == PlanMeter.Kind.HARD and limit is None:
            raise forms.ValidationError("A hard limit needs a number.")
        if limit is not None and limit < included:
            raise forms.ValidationError("The limit is below what is included.")
        return given

    @property
    def is_spoken_of(self) -> bool:
        return any(self.cleaned_data.get(name) is not None for name in ("included", "limit"))


@admin.register(PlanVersion)
class PlanVersionAdmin(EvidenceAdmin):
    """What is offered, what was, and drafts of what will be."""

    page_title = "Plans"
    list_filter = [("state", ChoicesDropdownFilter)]
    search_fields = ["plan__code", "plan__name"]
    search_help_text = "A plan's code or name"
    ordering = ["plan__name", "-number"]
    sortable_by = ()
    change_list_template = "console/billing/plans.html"
    change_form_template = "console/billing/plan.html"
    fields = ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page, with the subscriptions of all its rows counted at once."""
        page = super().get_changelist_instance(request)
        request.subscribed.update(_subscribed(page.result_list))  # type: ignore[attr-defined]
        return page

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        subscribed: dict[UUID, int] = {}
        request.subscribed = subscribed  # type: ignore[attr-defined]

        @admin.display(description="Subscribed")
        def profiles(version: PlanVersion) -> str:
            return "all others" if version.is_default else str(subscribed.get(version.pk, 0))

        return ["title", "shown_state", "price", profiles, "published"]

    @admin.display(description="Plan")
    def title(self, version: PlanVersion) -> str:
        return f"{version.plan.name}, version {version.number}"

    @admin.display(description="State")
    def shown_state(self, version: PlanVersion) -> SafeString:
        return pill("default" if version.is_default else version.state, TONES[version.state])

    @admin.display(description="A month")
    def price(self, version: PlanVersion) -> str:
        return money(version.price_cents, version.currency)

    @admin.display(description="Published")
    def published(self, version: PlanVersion) -> SafeString | str:
        return age(version.published_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanVersion]:
        versions: QuerySet[PlanVersion] = super().get_queryset(request)
        return versions.select_related("plan", "created_by", "published_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [path("new/", view(self.new_view), name="billing_planversion_new")]
        for step in STEPS:
            name = f"billing_planversion_{step}"
            own.append(path(f"<uuid:version_id>/{step}/", view(self.step_view), {"step": step}, name=name))
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_edit = request.user.has_perm(EDIT)
        return super().changelist_view(request, {"may_edit": may_edit, "new": NewPlanForm(), **(extra_context or {})})

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """A new plan, with an empty draft to write."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_editor(request)
        form = NewPlanForm(request.POST)
        try:
            if form.is_valid():
                return _page_of(create_plan(actor=_user(request), **form.cleaned_data))
            messages.error(request, "Nothing was made. A code is of small letters, digits and hyphens.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return redirect("admin:billing_planversion_changelist")

    def step_view(self, request: HttpRequest, version_id: UUID, step: str) -> HttpResponse:
        """Save a draft, publish it, throw it away; copy, retire or make the default what is published."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_editor(request)
        version = PlanVersion.objects.filter(pk=version_id).first()
        if version is None:
            raise Http404
        try:
            return self._step(request, version, step)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return _page_of(version)

    def _step(self, request: HttpRequest, version: PlanVersion, step: str) -> HttpResponse:
        actor = _user(request)
        if step == "discard":
            discard_draft(version.pk, actor=actor)
            messages.success(request, "The draft is gone.")
            return redirect("admin:billing_planversion_changelist")
        if step == "copy":
            return _page_of(draft_version(version.plan_id, copy_of=version.pk, actor=actor))
        if step == "retire":
            retire_version(version.pk, actor=actor)
            messages.success(request, "It is not offered any more. Who has it keeps it.")
        elif step == "default":
            make_default(version.pk, actor=actor)
            messages.success(request, "It holds for all who have not chosen a plan.")
        elif self._save(request, version) and step == "publish":
            publish_version(version.pk, actor=actor)
            messages.success(request, "It is offered from now on. Nobody has been moved to it.")
        return _page_of(version)

    def _save(self, request: HttpRequest, version: PlanVersion) -> bool:
        form, meters = TermsForm(request.POST), _meter_forms(version, request.POST)
        wrong = [str(form.fields[name].label or name) for name in form.errors if name in form.fields]
        wrong += [METERS[name].title for name, meter in meters.items() if not meter.is_valid()]
        if wrong:
            messages.error(request, f"Nothing was saved. Please look again at: {'; '.join(wrong)}.")
            return False
        given = [
            {"meter": name, **meter.cleaned_data, "included": meter.cleaned_data["included"] or 0}
            for name, meter in meters.items()
            if meter.is_spoken_of
        ]
        change_draft(version.pk, terms=form.cleaned_data, meters=given, actor=_user(request))
        messages.success(request, "The draft is saved.")
        return True

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = _page(version, request) if isinstance(version, PlanVersion) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def _page(version: PlanVersion, request: HttpRequest) -> dict[str, Any]:
    may_edit = request.user.has_perm(EDIT)
    stored = {row.meter: row for row in version.meters.all()}
    forms_by_meter = _meter_forms(version, None)
    names = ("price_cents", "currency", "description", "internal_price_cents", "internal_note")
    return {
        "version": version,
        "tone": TONES[version.state],
        "meters": [(meter, stored.get(name), forms_by_meter[name]) for name, meter in METERS.items()],
        "form": TermsForm(initial={name: getattr(version, name) for name in names}),
        "is_draft": version.state == PlanVersion.State.DRAFT,
        "may_edit": may_edit,
        "subscribed": _subscribed([version]).get(version.pk, 0),
        "others": version.plan.versions.exclude(pk=version.pk).order_by("-number"),
        "trail": reading.trail([version.plan], request.user),
        "parent_url": reverse("admin:billing_planversion_changelist"),
        "parent_title": "Plans",
    }


def _meter_forms(version: PlanVersion, data: Any) -> dict[str, MeterForm]:
    stored = {row.meter: row for row in version.meters.all()}
    return {
        name: MeterForm(
            data,
            prefix=name,
            initial={key: getattr(stored[name], key) for key in ("included", "limit", "kind")}
            if name in stored
            else {},
        )
        for name in METERS
    }


def _subscribed(versions: Iterable[PlanVersion]) -> dict[UUID, int]:
    """How many profiles have each of these versions at present."""
    with every_row(Reason.CONSOLE):
        live = Subscription.objects.live().filter(version__in=versions).order_by().values("version")
        return {row["version"]: row["count"] for row in live.annotate(count=Count("pk"))}


def _page_of(version: PlanVersion) -> HttpResponse:
    return redirect("admin:billing_planversion_change", version.pk)


def _require_editor(request: HttpRequest) -> None:
    if not request.user.has_perm(EDIT):
        raise PermissionDenied


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


register_links(
    MARKETPLACE,
    Link("Plans", "billing_planversion_changelist", "sell", permission="billing.view_planversion", order=70),
)
