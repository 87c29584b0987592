"""The link at the end of a notice, which stops notices of its kind without signing in."""

from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.urls import reverse

from trustengine.accounts.models import User
from trustengine.accounts.services import choose_notices

SALT = "orders.notices.unsubscribe"
ORDER_UPDATES, REVIEW_INVITATIONS = "order_updates", "review_invitations"
TOPICS = {ORDER_UPDATES: "about orders", REVIEW_INVITATIONS: "that invite to review"}


def unsubscribe_url(user: User, topic: str) -> str:
    """An address that is this person's alone, signed, and valid for as long as somebody may keep a mail.

    The token stands in the query, which no log keeps.
    """
    token = signing.dumps([str(user.pk), topic], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('unsubscribe')}?{urlencode({'token': token})}"


def read_token(token: str) -> tuple[User, str] | None:
    """Whose link this is and what it stops; None for what was not made here, or is of somebody who is gone."""
    try:
        user_id, topic = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=user_id).first()
    return (user, topic) if user is not None and topic in TOPICS else None


def unsubscribe(user: User, topic: str) -> None:
    """Send this person no more notices of a topic. Idempotent."""
    choose_notices(user, **{topic: False})
