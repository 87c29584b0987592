"""Who has which plan, and since when. Rows are begun and ended by services, and never changed."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.admin.walled import WalledAdmin
from billing.models import PlanVersion, Subscription
from billing.services.subscriptions import EDIT, When, cancel_subscription, change_plan
from orders.admin.profiles import profile_link
from trustengine.accounts.models import Profile, User
from trustengine.admin import Link, register_links
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.errors import DomainError

WHEN = [(When.NOW.value, "At once"), (When.PERIOD_END.value, "At the end of the month")]


class SubscriptionForm(forms.ModelForm):
    """A profile's next plan."""

    profile = forms.UUIDField(label="Profile's id", widget=UnfoldAdminTextInputWidget)
    version = forms.ModelChoiceField(
        PlanVersion.objects.none(), label="Plan", empty_label=None, widget=UnfoldAdminSelectWidget
    )
    when = forms.ChoiceField(
        choices=WHEN,
        widget=UnfoldAdminSelectWidget,
        help_text="A profile without a subscription begins at once.",
    )

    class Meta:
        model = Subscription
        fields = ["version"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = PlanVersion.objects.offered().select_related("plan").order_by("plan__name")
        self.fields["version"].queryset = offered  # type: ignore[attr-defined]

    def clean_profile(self) -> UUID:
        profile = cast(UUID, self.cleaned_data["profile"])
        if not Profile.objects.filter(pk=profile).exists():
            raise forms.ValidationError("There is no such profile.")
        return profile

    def _post_clean(self) -> None:
        """The service decides; there is no row to validate before."""


class LiveFilter(admin.SimpleListFilter):
    """Subscriptions at present, unless asked for those that have ended."""

    title = "state"
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        return queryset.filter(valid_to__isnull=self.value() != "1")


@admin.register(Subscription)
class SubscriptionAdmin(WalledAdmin):
    """Subscriptions of profiles. All others have the default plan."""

    form = SubscriptionForm
    fields = ("profile", "version", "when")
    list_filter = [LiveFilter]
    list_display_links = None
    search_fields = ["profile__display_name", "version__plan__name"]
    search_ids = ["id", "profile_id"]
    search_help_text = "A profile, a plan, or an id"
    ordering = ["-valid_from", "-id"]
    sortable_by = ()
    actions = ["end_now", "end_with_the_month"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Profile")
        def profile(row: Subscription) -> SafeString | str:
            return profile_link(row.profile, request.user)

        return [profile, "plan", "since", "until", "then"]

    @admin.display(description="Plan")
    def plan(self, row: Subscription) -> str:
        return str(row.version)

    @admin.display(description="Since")
    def since(self, row: Subscription) -> SafeString | str:
        return age(row.valid_from)

    @admin.display(description="Ended")
    def until(self, row: Subscription) -> SafeString | str:
        return age(row.valid_to)

    @admin.display(description="Then")
    def then(self, row: Subscription) -> SafeString | str:
        if row.next_at is None:
            return "–"
        return pill(f"{row.next_version or 'default plan'} from {row.next_at:%d %b}", "warning")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        rows: QuerySet[Subscription] = super().get_queryset(request)
        return rows.select_related("profile", "version__plan", "next_version__plan")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(EDIT)

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(EDIT)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"profile": request.GET.get("profile", "")}

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        given = form.cleaned_data
        try:
            row = change_plan(given["profile"], given["version"].pk, when=When(given["when"]), actor=_user(request))
            obj.pk, obj._state.adding = row.pk, False
            messages.success(request, "The plan holds." if given["when"] == When.NOW else "The change is planned.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)

    def log_addition(self, request: HttpRequest, obj: Subscription, message: Any) -> None:
        """The service has left its trace."""

    def response_add(
        self, request: HttpRequest, obj: Subscription, post_url_continue: str | None = None
    ) -> HttpResponse:
        return redirect("admin:billing_subscription_changelist")

    @admin.action(description="End selected at once", permissions=["edit"])
    def end_now(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._end(request, queryset, When.NOW)

    @admin.action(description="End selected with the month", permissions=["edit"])
    def end_with_the_month(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._end(request, queryset, When.PERIOD_END)

    def _end(self, request: HttpRequest, queryset: QuerySet[Subscription], when: When) -> None:
        profiles = sorted(queryset.filter(valid_to=None).values_list("profile", flat=True))
        for profile in profiles:
            cancel_subscription(profile, when=when, actor=_user(request))
        self.message_user(request, f"{len(profiles)} ended, or planned to.", messages.SUCCESS)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


register_links(
    MARKETPLACE,
    Link(
        "Subscriptions",
        "billing_subscription_changelist",
        "card_membership",
        permission="billing.view_subscription",
        order=71,
    ),
)
