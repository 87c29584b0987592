"""Rows of signing in: second factors of staff, and families of refresh tokens."""

from importlib import import_module
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class SecondFactor(models.Model):
    """The second factor of one user: an authenticator app, and how often a code was wrong in a row.

    There is a row for every user who has set up a factor of any kind. Its lock makes two
    codes of one user take turns, so that no code is taken twice.
    """

    user = models.OneToOneField("accounts.User", models.CASCADE, primary_key=True, related_name="second_factor")
    totp_secret = models.CharField(max_length=255, blank=True, default="", help_text="Encrypted; empty for none.")
    totp_step = models.PositiveBigIntegerField(default=0, help_text="The last time step whose code was taken.")
    totp_added_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    not_before = models.DateTimeField(null=True, blank=True, help_text="No code is looked at until then.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(totp_secret="", totp_added_at=None) | (~Q(totp_secret="") & Q(totp_added_at__isnull=False)),
                name="second_factor_totp_has_time",
            )
        ]

    def __str__(self) -> str:
        return f"second factor of {str(self.pk)[-8:]}"


class Passkey(models.Model):
    """A WebAuthn credential of a user, as a second factor."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="passkeys")
    name = NormalisedCharField(max_length=60)
    credential_id = models.BinaryField(unique=True)
    credential = models.BinaryField(help_text="The attested credential data, with the public key.")
    sign_count = models.PositiveBigIntegerField(default=0)
    added_at = models.DateTimeField(default=database_now)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(sign_count__gte=0), name="passkey_sign_count_not_negative")
        ]

    def __str__(self) -> str:
        return f"passkey {str(self.pk)[-8:]}"


class RecoveryCode(models.Model):
    """A digest of a code that replaces the second factor once. The code itself is shown once, and kept nowhere."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("user", "digest", name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class RefreshFamily(models.Model):
    """The refresh tokens that came from one sign-in. Only the newest is good; an older one that comes back ends all.

    The row is made when the first of them is used or revoked.
    """

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="refresh_families")
    newest = models.CharField(max_length=64, help_text="The “jti” of the refresh token that is good.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="refresh_family_expiry")]

    def __str__(self) -> str:
        return f"refresh tokens {str(self.pk)[-8:]}"


class UserSession(AbstractBaseSession):
    """A session of the console or the public pages, with the user who is signed in by it.

    So the sessions of one user are found by an index, and none has to be decoded for that.
    """

    user = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="sessions")

    class Meta(AbstractBaseSession.Meta):
        app_label = "accounts"
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore
