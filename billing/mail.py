"""Mail within what its provider allows."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from billing.errors import CapacityExceeded
from billing.services.capacity import UnknownEndpoint, acquire, release
from trustengine.jobs.registry import RunLater

PROVIDER, ENDPOINT = "mail", "smtp"


class CapacityBackend(EmailBackend):
    """SMTP, within the limits of the endpoint ``mail · smtp``; without limits where no operator has made that row.

    A message is a request without tokens. Mails are sent by jobs: where there is no room,
    RunLater puts the job off until there is.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        try:
            lease = acquire(PROVIDER, ENDPOINT, 0)
        except UnknownEndpoint:
            return super().send_messages(email_messages)
        except CapacityExceeded as refusal:
            raise RunLater(refusal.retry_after) from refusal
        try:
            return super().send_messages(email_messages)
        finally:
            release(lease)
