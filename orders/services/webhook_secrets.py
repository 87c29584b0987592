"""The secrets that webhooks are signed with: those of the environment, else those kept here."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from orders.models import WebhookSecret
from trustengine.audit.services import record

PREFIX = "whsec_"


class KeptElsewhere(Exception):
    """``STRIPE_WEBHOOK_SECRET`` names the secrets: they are changed there."""


def valid_secrets() -> list[str]:
    """Every secret that a webhook may be signed with at present, the newest first; perhaps none."""
    if settings.STRIPE_WEBHOOK_SECRETS:
        return list(settings.STRIPE_WEBHOOK_SECRETS)
    return list(WebhookSecret.objects.valid().values_list("secret", flat=True))


def signing_secret() -> str:
    """A secret to sign a trial's events with: the newest, made now if there is none yet."""
    if found := valid_secrets():
        return found[0]
    with transaction.atomic():
        _take_turns()
        in_use = WebhookSecret.objects.filter(retires_at=None).first()
        return (in_use or _make(f"{PREFIX}{secrets.token_urlsafe(32)}")).secret


@transaction.atomic
def rotate_secret(*, keep: timedelta, secret: str = "") -> str:
    """Put a new secret into use, the given one or a random one, and return it. The former stays valid for ``keep``.

    Raises KeptElsewhere. Giving the one in use again changes nothing.
    """
    if settings.STRIPE_WEBHOOK_SECRETS:
        raise KeptElsewhere
    _take_turns()
    wanted = secret or f"{PREFIX}{secrets.token_urlsafe(32)}"
    known = WebhookSecret.objects.filter(secret=wanted).first()
    if known and known.retires_at is None:
        return wanted
    WebhookSecret.objects.filter(retires_at=None).update(retires_at=Now() + keep)
    if known:
        WebhookSecret.objects.filter(pk=known.pk).update(retires_at=None, made_at=Now())
    else:
        _make(wanted)
    return wanted


def _make(secret: str) -> WebhookSecret:
    made = WebhookSecret.objects.create(secret=secret)
    record("webhook_secret.made", made)
    return made


def _take_turns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('orders.webhook_secret', 0))")
