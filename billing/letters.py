"""Mail to a profile's owners: how much of a quota is used, and where the vendor's money goes.

At least once, and as good as once: the alert is marked after the mail server has taken
it. A crash in between sends it again, with the same Message-ID, by which mailboxes know it.
"""

import smtplib
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from billing import periods
from billing.meters import METERS
from billing.models import DestinationChange, PayoutDestination, UsageAlert
from billing.terms import quotas_of
from trustengine.accounts.models import Membership, User
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

logger = structlog.get_logger(__name__)
SUBJECTS = {
    "set": "Your payouts have a destination",
    "proposed": "The destination of your payouts is to be changed",
    "approved": "The destination of your payouts was changed",
}
REFUSED = range(500, 600)  # SMTP's answers that stay the same when asked again


def send_alert(alert_id: UUID) -> int:
    """Mail an alert that is not told yet to each owner of its profile; how many. Raises what SMTP's absence raises."""
    with every_row(Reason.METERING):
        alert = UsageAlert.objects.select_related("profile").filter(pk=alert_id, told_at=None).first()
        if alert is None:
            return 0
        quota = quotas_of([alert.profile_id])[alert.profile_id].get(alert.meter)
    subject, body = _text(alert, is_hard=bool(quota and quota.is_hard))
    owners = User.objects.filter(
        memberships__profile=alert.profile_id,
        memberships__role=Membership.Role.OWNER,
        is_active=True,
        suspended_at=None,
    )
    told = sum(_send(str(alert.pk), owner, subject, body) for owner in owners.exclude(email="").order_by("pk"))
    with every_row(Reason.METERING):
        UsageAlert.objects.filter(pk=alert.pk).update(told_at=database_now())
    return told


def _text(alert: UsageAlert, *, is_hard: bool) -> tuple[str, str]:
    meter = METERS[alert.meter]
    body = render_to_string(
        "billing/usage_alert.txt",
        {
            "alert": alert,
            "profile": " ".join(str(alert.profile).split()),
            "meter": meter,
            "hard": is_hard,
            "used": f"{alert.used:,}",
            "cap": f"{alert.cap:,}",
            "resets_at": timezone.localtime(periods.end_of(alert.month)),
            "marketplace": settings.MARKETPLACE_NAME,
        },
    )
    return f"{alert.percent} % used: {meter.title}", body


def send_change(change_id: UUID, step: str) -> int:
    """Mail each owner of a vendor that its destination was set, is to be changed, or was changed; returns how many.

    Owners who are suspended get it too: it is about their money.
    """
    with every_row(Reason.PAYOUTS):
        change = DestinationChange.objects.select_related("profile").filter(pk=change_id).first()
        if change is None:
            return 0
        destination = PayoutDestination.objects.filter(profile=change.profile).first()
    body = render_to_string(
        "billing/destination.txt",
        {
            "vendor": " ".join(str(change.profile).split()),
            "step": step,
            "ending": change.reference[-4:],
            "before": change.before[-4:],
            "rest_hours": settings.PAYOUT_DESTINATION_REST_HOURS,
            "usable_from": destination and destination.usable_from and timezone.localtime(destination.usable_from),
            "marketplace": settings.MARKETPLACE_NAME,
        },
    )
    owners = User.objects.filter(memberships__profile=change.profile_id, memberships__role=Membership.Role.OWNER)
    return sum(
        _send(f"{change.pk}.{step}", owner, SUBJECTS[step], body) for owner in owners.exclude(email="").order_by("pk")
    )


def _send(key: str, owner: User, subject: str, body: str) -> bool:
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
    headers = {"Message-ID": f"<{key}.{owner.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    try:
        EmailMessage(subject, body, to=[owner.email], headers=headers).send()
    except smtplib.SMTPRecipientsRefused as error:
        if any(code not in REFUSED for code, _ in error.recipients.values()):
            raise  # greylisting, a full mailbox: later it may be taken
        return False
    except UnicodeError:
        return False
    return True
