"""Sending a notice, once its row exists.

At least once, and as good as once: the row is marked after the mail server has taken the
mail. A crash in between sends it again, with the same Message-ID, by which mailboxes know
it; the other way round a refund would at times go untold.
"""

import smtplib
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from orders.models import Notice
from orders.notices.letters import letter
from orders.services.notices import settle_notice
from trustengine.accounts.models import Membership
from trustengine.database_time import database_now

State = Notice.State
REFUSED = range(500, 600)  # SMTP's answers that stay the same when asked again


def send(notice_id: UUID) -> str:
    """Send a pending notice, and say what became of it. Raises what the mail server's absence raises."""
    found = Notice.objects.select_related("recipient", "order").filter(pk=notice_id).first()
    if found is None or found.state != State.PENDING:
        return "settled"
    updates, invitation, obstacle = wanted(found)
    if not obstacle:
        try:
            letter(found, updates=updates, invitation=invitation).send()
        except smtplib.SMTPRecipientsRefused as error:
            if any(code not in REFUSED for code, _ in error.recipients.values()):
                raise  # greylisting, a full mailbox: later it may be taken
            obstacle = "refused"
        except UnicodeError:
            obstacle = "bad_address"
    settle_notice(found, State.SKIPPED if obstacle else State.SENT, obstacle)
    return obstacle or "sent"


def wanted(notice: Notice) -> tuple[bool, bool, str]:
    """Whether the news goes out, whether an invitation does, and, if neither, a code that says why."""
    person = notice.recipient
    if notice.created_at < database_now() - timedelta(hours=settings.NOTICE_MAX_AGE_HOURS):
        return False, False, "too_old"
    if not person.is_active or person.is_suspended:
        return False, False, "suspended"
    if not person.email:
        return False, False, "no_address"
    if notice.kind == Notice.Kind.NEW_ITEMS and not _still_a_member(notice):
        return False, False, "no_member"
    invitation = notice.kind == Notice.Kind.DELIVERED and person.wants_review_invitations and _may_be_reviewed(notice)
    return person.wants_order_updates, invitation, "" if person.wants_order_updates or invitation else "opted_out"


def _still_a_member(notice: Notice) -> bool:
    vendors = notice.lines.values("item__vendor")
    return Membership.objects.filter(user=notice.recipient, profile__in=vendors).exists()


def _may_be_reviewed(notice: Notice) -> bool:
    """Whether any of it has not been refunded since, or not enough to matter."""
    return any(not line.item.is_mostly_refunded for line in notice.lines.select_related("item"))
