"""The mail to whose account gets too many wrong passwords."""

import smtplib
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from trustengine.accounts.models import User
from trustengine.jobs.running import current_job_id

REFUSED = range(500, 600)  # SMTP's answers that stay the same when asked again


def send_warning(user_id: UUID) -> bool:
    """Mail the holder of an account; False where there is no address. Raises what the mail server's absence raises."""
    user = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    if user is None:
        return False
    body = render_to_string(
        "accounts/sign_in_warning.txt",
        {"user": user, "per_minute": settings.SLOWED_SIGN_INS_PER_MINUTE, "marketplace": settings.MARKETPLACE_NAME},
    )
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
    headers = {"Message-ID": f"<{current_job_id() or user.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    try:
        EmailMessage("Many wrong passwords for your account", body, to=[user.email], headers=headers).send()
    except smtplib.SMTPRecipientsRefused as error:
        if any(code not in REFUSED for code, _ in error.recipients.values()):
            raise  # greylisting, a full mailbox: later it may be taken
        return False
    except UnicodeError:
        return False
    return True
