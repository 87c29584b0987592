"""From a verified token to the user who brings it; somebody unseen becomes a user with a customer profile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from trustengine.accounts import tombstones
from trustengine.accounts.birthdates import of_age_on
from trustengine.accounts.errors import TokenInvalid
from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.names import presentable
from trustengine.accounts.tokens import SECOND_FACTOR_CLAIM, VerifiedToken, owner_of
from trustengine.audit.services import record
from trustengine.errors import ReadOnlyMode
from trustengine.identifiers import canonical_subject, is_reserved_subject

MAX_SUBJECT = 255


def user_of(token: VerifiedToken) -> User:
    """The token's user, with their customer profile. Raises TokenInvalid.

    One query where nothing is new. Who comes by an outside token has no staff rights on
    this object, whatever the database holds and the token claims.
    """
    if token.is_own:
        user = owner_of(token.claims)
        if user.needs_second_factor and not token.claims.get(SECOND_FACTOR_CLAIM):  # needed since it was given out
            raise TokenInvalid("second_factor", "Sign in again with your second factor.")
        return user if hasattr(user, "customer_profile") else first_sight(user.subject)
    user = _user_of_subject(token.claims)
    user.has_staff_rights = False
    _follow_birthdate(user, token.claims.get("birthdate"))
    return user


def subject_of(claims: Mapping[str, Any]) -> str:
    """The token's subject in its one spelling. Raises TokenInvalid for what cannot be kept."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\0" in subject:
        raise TokenInvalid("subject")
    try:
        subject.encode()  # JSON can spell half a character, which no database takes
    except UnicodeEncodeError as error:
        raise TokenInvalid("subject") from error
    if is_reserved_subject(subject):
        raise TokenInvalid("reserved_subject")
    return canonical_subject(subject)


@transaction.atomic
def first_sight(subject: str, *, name: object = None, issued_at: object = None) -> User:
    """The user of this subject, made if need be, with a customer profile, made if need be.

    Free of races: the insert waits for one of the same subject that is under way, and
    whoever then holds the user's lock finds the profile there or makes it. Raises
    TokenInvalid where the subject was erased, and the token is not known to be younger:
    nobody comes back by a token that they still had. When the erasure was is kept on the
    user, so that such a token stays refused after somebody has come back by a younger one.
    """
    if settings.READ_ONLY:
        raise ReadOnlyMode
    newcomer = User(subject=subject)
    newcomer.set_unusable_password()
    User.objects.bulk_create([newcomer], ignore_conflicts=True)
    user = User.objects.select_for_update(of=("self",), no_key=True).get(subject=subject)
    is_new = user.pk == newcomer.pk
    if is_new or not hasattr(user, "customer_profile"):
        # After the insert, which waited for an erasure that had this subject in hand.
        erased = tombstones.erased_at(subject)
        if erased and not is_younger(issued_at, erased):
            raise TokenInvalid("erased")
        if erased != user.tokens_not_before:
            user.tokens_not_before = erased
            user.save(update_fields=["tokens_not_before"])
    if is_new:
        record("user.first_seen", user)
    if not hasattr(user, "customer_profile"):
        profile = Profile.objects.create(kind=Profile.Kind.CUSTOMER, user=user, display_name=presentable(name))
        Membership.objects.create(user=user, profile=profile, role=Membership.Role.OWNER)
        record("profile.created", profile, after={"kind": profile.kind, "user_id": user.pk})
    return user


def _user_of_subject(claims: Mapping[str, Any]) -> User:
    subject = subject_of(claims)
    user = User.objects.select_related("customer_profile").filter(subject=subject).first()
    if user is None or not hasattr(user, "customer_profile"):
        user = first_sight(subject, name=claims.get("name"), issued_at=claims.get("iat"))
    if not user.is_active:
        raise TokenInvalid("inactive")
    if user.tokens_not_before and not is_younger(claims.get("iat"), user.tokens_not_before):
        raise TokenInvalid("erased")
    return user


def is_younger(issued_at: object, moment: datetime) -> bool:
    """Whether a token's ``iat`` is known to be after a moment; a token without one is not."""
    return isinstance(issued_at, int | float) and issued_at > moment.timestamp()


def _follow_birthdate(user: User, claim: object) -> None:
    """Take over the day of being of age. A token that does not tell leaves what is known."""
    day = of_age_on(claim, minimum_age=settings.MINIMUM_AGE)
    if day is None or day == user.of_age_on:
        return
    user.of_age_on = day  # holds for this request even where it cannot be written
    if settings.READ_ONLY:
        return
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(of_age_on=day)
        # Without the day: it would give away the birthday for as long as the audit lives.
        record("user.age_learnt", user, after={"is_under_age": user.is_under_age})
