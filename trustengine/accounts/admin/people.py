"""Accounts in the admin site: evidence to read, actions that call services.

Superusers alone make accounts and give rights; each such form leaves an audit entry in
its own transaction.
"""

from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from trustengine.accounts.admin.erasures import EraseAction
from trustengine.accounts.admin.resetting import ResetSecondFactorAction
from trustengine.accounts.models import Erasure, Membership, Profile, User
from trustengine.accounts.services import note_rights_changed, rights_of
from trustengine.accounts.suspensions import propose_reinstatement, propose_suspension
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.sidebar import MARKETPLACE, SYSTEM
from trustengine.audit.services import record
from trustengine.errors import DomainError

admin.site.unregister(Group)

PASSWORD_PAGE = "auth_user_password_change"
IDENTITIES = ("subject", "email")
RIGHTS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")


class SuperuserForm(EvidenceAdmin):
    """A form that only superusers may save."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).acts_as_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return cast(User, request.user).acts_as_superuser


class OptionalUsername(UsernameField):
    """Takes an empty user name as none, as people of the marketplace and staff of the identity provider have it.

    Django's field looks at the length of what its own ``empty_value`` has made None.
    """

    def to_python(self, value: Any) -> Any:
        return super().to_python(value) if str(value or "").strip() else self.empty_value


class PersonForm(UserChangeForm):  # type: ignore[misc]
    class Meta(UserChangeForm.Meta):  # type: ignore[misc]
        model = User  # Django's form is that of its own users, who have other columns
        fields: ClassVar = ["username", "staff_subject", "email", *RIGHTS]
        field_classes: ClassVar = {"username": OptionalUsername}


class NewPersonForm(UserCreationForm):  # type: ignore[misc]
    class Meta(UserCreationForm.Meta):  # type: ignore[misc]
        field_classes: ClassVar = {"username": OptionalUsername}


@admin.register(User)
class UserAdmin(EraseAction, ResetSecondFactorAction, DjangoUserAdmin, SuperuserForm):  # type: ignore[misc]
    """People, and the accounts of staff. Who somebody is elsewhere is shown only to those who may see identities."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["__str__", "is_active", "is_staff", "suspended_at", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active", ("suspended_at", admin.EmptyFieldListFilter), "groups"]
    ordering = ["-date_joined", "-pk"]
    readonly_fields = ["id", "subject", "suspended_at", "of_age_on", "has_second_factor", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["id", "username", "password"]}),
        ("Identity", {"fields": ["subject", "staff_subject", "email", "of_age_on"]}),
        ("Rights", {"fields": [*RIGHTS]}),
        ("History", {"fields": ["suspended_at", "has_second_factor", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "password1", "password2", "is_staff", "groups"]})]
    actions = ["suspend", "reinstate"]
    actions_detail = ["erase", "reset_second_factor"]
    change_form_before_template = "console/accounts/pages.html"

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*self.list_display, *(IDENTITIES if sees_identities(request) else ())]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return ["=id", "username", *(IDENTITIES if sees_identities(request) else ())]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return [entry for entry in shown if entry[0] != "Identity" or sees_identities(request)]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who is being forgotten gets neither a name nor a password again."""
        if isinstance(obj, User) and Erasure.objects.filter(user=obj).exists():
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody changes their own rights, and who is suspended gets none before they are reinstated."""
        shown = super().get_readonly_fields(request, obj)
        fixed = isinstance(obj, User) and (obj.pk == request.user.pk or obj.is_suspended)
        return [*shown, *RIGHTS] if fixed else shown

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.suspend_user")

    @admin.action(permissions=["suspend"], description="Propose to suspend selected users")
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._apply(request, queryset, propose_suspension, "proposed to be suspended")

    @admin.action(permissions=["suspend"], description="Propose to reinstate selected users")
    def reinstate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._apply(request, queryset, propose_reinstatement, "proposed to be reinstated")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        form.rights_before = rights_of(User.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        note_rights_changed(form.instance, before=form.rights_before, actor=cast(User, request.user))

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Called once a form has been saved; the password's page has no other place to say so."""
        if request.resolver_match and request.resolver_match.url_name == PASSWORD_PAGE:
            record("user.password_set", obj, actor=request.user, after={"usable": obj.has_usable_password()})
        return super().log_change(request, obj, message)

    def _apply(self, request: HttpRequest, queryset: QuerySet[User], service: Any, done: str) -> None:
        count = 0
        for user in queryset.order_by("pk"):
            try:
                service(user, actor=request.user, reason="staff_action")
                count += 1
            except DomainError as refusal:
                self.message_user(request, f"{user}: {refusal.detail}", messages.ERROR)
        if count:
            self.message_user(request, f"{count} {done}. A second person has to approve it.", messages.SUCCESS)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, SuperuserForm):  # type: ignore[misc]
    """Groups of staff. The standard ones get back what they need after every migration."""

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        form.permissions_before = permissions_of(obj) if change else []
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        before, after = form.permissions_before, permissions_of(form.instance)
        record(
            "group.changed" if change else "group.created",
            form.instance,
            actor=request.user,
            before={"permissions": before},
            after={"permissions": after},
        )


class MemberInline(TabularInline):
    """Who may act for a profile."""

    model = Membership
    extra = 0
    fields = readonly_fields = ["user", "role", "created_at"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Profile)
class ProfileAdmin(EvidenceAdmin):
    """Who acts in the marketplace."""

    list_display = ["__str__", "kind", "created_at"]
    list_filter = ["kind", "created_at"]
    search_fields = ["=id", "display_name"]
    ordering = ["-created_at", "-pk"]
    fields = readonly_fields = ["id", "kind", "display_name", "user", "created_at"]
    inlines = [MemberInline]


@admin.register(Membership)
class MembershipAdmin(EvidenceAdmin):
    """Who may act for whom."""

    list_display = ["user", "profile", "role", "created_at"]
    list_filter = ["role", "profile__kind"]
    list_select_related = ["user", "profile"]
    search_fields = ["=user__id", "user__username", "=profile__id", "profile__display_name"]
    ordering = ["-created_at", "-pk"]
    fields = readonly_fields = ["user", "profile", "role", "created_at"]


def sees_identities(request: HttpRequest) -> bool:
    return request.user.has_perm("accounts.see_identities")


def permissions_of(group: Group) -> list[int]:
    return sorted(group.permissions.values_list("pk", flat=True))


register_links(
    MARKETPLACE,
    Link("Profiles", "accounts_profile_changelist", "storefront", permission="accounts.view_profile", order=30),
    Link("Members", "accounts_membership_changelist", "badge", permission="accounts.view_membership", order=40),
)
register_links(
    SYSTEM,
    Link("Users", "accounts_user_changelist", "person", permission="accounts.view_user", order=30),
    Link("Groups", "auth_group_changelist", "groups", permission="auth.view_group", order=40),
)
