"""What accounts, the API and the audit hold about a person."""

import json
from collections.abc import Iterator

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.db.models import Q

from trustengine.accounts.exporting import Row, exporter, in_batches
from trustengine.accounts.models import (
    Erasure,
    Membership,
    Passkey,
    Profile,
    RecoveryCode,
    RefreshFamily,
    SecondFactor,
    User,
)
from trustengine.api.models import PassedActions, StoredAnswer
from trustengine.audit.models import Entry

ACCOUNT = (
    "id",
    "subject",
    "username",
    "staff_subject",
    "email",
    "of_age_on",
    "date_joined",
    "last_login",
    "is_active",
    "is_staff",
    "is_superuser",
    "suspended_at",
)
ENTRY = ("id", "at", "verb", "object_type", "object_id", "before", "after", "reason", "request_id", "client_request_id")


@exporter("accounts.account", "accounts.User", "accounts.User_groups", "accounts.User_user_permissions")
def account(user: User) -> Iterator[Row]:
    for row in User.objects.filter(pk=user.pk).values(*ACCOUNT):
        groups = sorted(user.groups.values_list("name", flat=True))
        permissions = sorted(user.user_permissions.values_list("codename", flat=True))
        yield row | {"groups": groups, "permissions": permissions}


@exporter("accounts.profiles", "accounts.Profile")
def profiles(user: User) -> Iterator[Row]:
    """Their own. Vendors are listed with the memberships: a shop is more than one of its members."""
    yield from in_batches(Profile.objects.filter(user=user).values("id", "kind", "display_name", "created_at"))


@exporter("accounts.memberships", "accounts.Membership")
def memberships(user: User) -> Iterator[Row]:
    for member in in_batches(Membership.objects.filter(user=user).select_related("profile")):
        profile = member.profile
        name = {"profile": profile.pk, "kind": profile.kind, "display_name": profile.display_name}
        yield name | {"role": member.role, "created_at": member.created_at}


@exporter("accounts.erasure", "accounts.Erasure")
def erasure(user: User) -> Iterator[Row]:
    for row in Erasure.objects.filter(user=user).values("state", "progress", "requested_at", "finished_at"):
        yield dict(row)


@exporter("accounts.second_factor", "accounts.SecondFactor", "accounts.RecoveryCode")
def second_factor(user: User) -> Iterator[Row]:
    """That there is one, and its times: the secret and the codes' digests would open the account."""
    for factor in SecondFactor.objects.filter(user=user):
        codes = RecoveryCode.objects.filter(user=user)
        yield {
            "app_added_at": factor.totp_added_at,
            "failures": factor.failures,
            "recovery_codes_left": codes.filter(used_at=None).count(),
            "recovery_codes_used_at": sorted(codes.exclude(used_at=None).values_list("used_at", flat=True)),
        }


@exporter("accounts.passkeys", "accounts.Passkey")
def passkeys(user: User) -> Iterator[Row]:
    rows = Passkey.objects.filter(user=user).values("id", "name", "credential_id", "added_at", "used_at")
    for row in in_batches(rows):
        yield row | {"credential_id": bytes(row["credential_id"])}


@exporter("accounts.sign_ins", "accounts.RefreshFamily")
def sign_ins(user: User) -> Iterator[Row]:
    """Sign-ins by the API whose tokens were renewed or revoked."""
    yield from in_batches(RefreshFamily.objects.filter(user=user).values("id", "expires_at", "revoked_at"))


@exporter("accounts.failed_sign_ins")
def failed_sign_ins(user: User) -> Iterator[Row]:
    if user.username:
        attempts = AccessAttempt.objects.filter(username__iexact=user.username)
        yield from in_batches(
            attempts.values(
                "id", "attempt_time", "ip_address", "user_agent", "http_accept", "path_info", "failures_since_start"
            )
        )


@exporter("accounts.console_log", "admin.LogEntry")
def console_log(user: User) -> Iterator[Row]:
    """What they did in the console, without the names of others that its log shows."""
    entries = LogEntry.objects.filter(user=user)
    yield from in_batches(entries.values("id", "action_time", "content_type__model", "object_id", "action_flag"))


@exporter("api.stored_answers", "api.StoredAnswer")
def stored_answers(user: User) -> Iterator[Row]:
    answers = StoredAnswer.objects.filter(user=user).values("id", "path", "key", "status", "body", "created_at")
    for answer in in_batches(answers):
        yield answer | {"body": json.loads(answer["body"]) if answer["body"] else None}


@exporter("api.recent_actions", "api.PassedActions")
def recent_actions(user: User) -> Iterator[Row]:
    yield from in_batches(PassedActions.objects.filter(caller=str(user.pk)).values("id", "limit", "moments"))


@exporter("audit.entries", "audit.Entry")
def entries(user: User) -> Iterator[Row]:
    """What they did, and what was done to their account; who else did it is that person's."""
    about_them = Q(object_type="accounts.user", object_id=str(user.pk))
    for entry in in_batches(Entry.objects.filter(Q(actor_id=user.pk) | about_them).values("actor_id", *ENTRY)):
        yield {"by_you": entry.pop("actor_id") == user.pk, **entry}
