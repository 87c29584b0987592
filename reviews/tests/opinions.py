"""Reviews that the moderation model is asked about, and what comes of them."""

from datetime import timedelta

from django.utils import timezone

from billing.models import UsageEvent
from reviews.models import Screening
from reviews.tests.factories import delivered_purchase, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.row_security import Reason, every_row


def metered():
    """The tokens that have been counted: whose, for which call, how many."""
    with every_row(Reason.TEST):
        events = UsageEvent.objects.filter(meter="moderation_tokens")
        return list(events.values_list("profile_id", "event_id", "quantity"))


def trusted():
    """Somebody whose texts are approved by rule where nothing is found."""
    return UserFactory(date_joined=timezone.now() - timedelta(days=400))


def submitted(**content):
    return pending_review(delivered_purchase(trusted()), **content)


def outcome(review):
    """The review's status, and the signals of what its last revision was screened for."""
    review.refresh_from_db()
    screening = Screening.objects.filter(revision__review=review).order_by("revision__number").last()
    return review.status, None if screening is None else [signal["name"] for signal in screening.signals]
