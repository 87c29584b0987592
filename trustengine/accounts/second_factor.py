"""The second factor of staff: codes of an authenticator app, passkeys, recovery codes.

Locks: the second factor's row, then the user's. What a person does to their own factors
and what staff does to somebody else's leaves an audit entry with the same verbs.
"""

import hashlib
import secrets
from base64 import b32encode
from datetime import datetime, timedelta
from math import ceil

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from trustengine.accounts import totp
from trustengine.accounts.encryption import decrypt, encrypt
from trustengine.accounts.errors import NotEnrolled, WrongCode
from trustengine.accounts.models import Passkey, RecoveryCode, SecondFactor, User
from trustengine.api.refusals import refused
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, NotFound, PermissionDenied, RateLimitExceeded

RECOVERY_CODES, RECOVERY_CODE_BYTES = 10, 10
FREE_FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
MOST_PASSKEYS = 20


def check_code(user: User, code: str) -> None:
    """Take a code of the authenticator app, or a recovery code: each is good once.

    Wrong codes in a row make the next one wait, whoever sends it and from wherever: with
    at most four in an hour, guessing one of a million takes years. Raises NotEnrolled, WrongCode, RateLimitExceeded.
    """
    with transaction.atomic():
        factor = _lock(user)
        if factor is None:
            raise NotEnrolled
        clock: datetime = factor.clock  # type: ignore[attr-defined]
        wait = ceil((factor.not_before - clock).total_seconds()) if factor.not_before else 0
        is_right = wait <= 0 and (_takes_totp(factor, code, clock) or _takes_recovery_code(user, code))
        if wait <= 0:
            factor.failures = 0 if is_right else factor.failures + 1
            factor.not_before = None if is_right else _pause_until(factor.failures, clock)
            factor.save(update_fields=["failures", "not_before", "totp_step"])
    if wait > 0:
        raise RateLimitExceeded(wait, "Too many wrong codes. Please wait.")
    if not is_right:
        refused("SECOND_FACTOR_WRONG", user=str(user.pk))
        raise WrongCode


def add_totp(user: User, secret: bytes, code: str) -> list[str]:
    """Set up an authenticator app, or another one in place of it, once it has shown a right code.

    Returns the recovery codes if these are the first. Raises InvalidInput for a wrong code.
    """
    with transaction.atomic():
        factor = _lock(user) or _begin(user)
        step = totp.matching_step(secret, code.strip().replace(" ", ""), at=factor.clock.timestamp(), after=0)  # type: ignore[attr-defined]
        if step is None:
            raise InvalidInput(fields={"code": "The code does not fit. Look whether the clock of your phone is right."})
        factor.totp_secret, factor.totp_step, factor.totp_added_at = encrypt(secret), step, factor.clock  # type: ignore[attr-defined]
        factor.save()
        record("second_factor.app_added", user, actor=user)
        return _first_codes(user)


def remove_totp(user: User) -> None:
    """Remove the authenticator app. Idempotent. Raises PermissionDenied for the last factor where one is enforced."""
    with transaction.atomic():
        factor = _lock(user)
        if factor is None or not factor.totp_secret:
            return
        factor.totp_secret, factor.totp_added_at = "", None
        factor.save(update_fields=["totp_secret", "totp_added_at"])
        record("second_factor.app_removed", user, actor=user)
        _end_if_last(user)


def add_passkey(user: User, *, name: str, credential_id: bytes, credential: bytes, sign_count: int) -> list[str]:
    """Keep a passkey that has been verified. Returns the recovery codes if these are the first. Raises InvalidInput."""
    with transaction.atomic():
        _lock(user) or _begin(user)
        if Passkey.objects.filter(credential_id=credential_id).exists():
            raise InvalidInput("This passkey is known already.")
        if Passkey.objects.filter(user=user).count() >= MOST_PASSKEYS:
            raise InvalidInput(f"There are {MOST_PASSKEYS} passkeys already. Remove one first.")
        passkey = Passkey.objects.create(
            user=user,
            name=" ".join(name.split())[:60] or "Passkey",
            credential_id=credential_id,
            credential=credential,
            sign_count=sign_count,
        )
        record("second_factor.passkey_added", user, actor=user, after={"passkey_id": passkey.pk})
        return _first_codes(user)


def remove_passkey(user: User, passkey_id: str) -> None:
    """Remove a passkey. Idempotent. Raises PermissionDenied for the last factor where one is enforced."""
    with transaction.atomic():
        _lock(user)
        if Passkey.objects.filter(user=user, pk=passkey_id).delete()[0]:
            record("second_factor.passkey_removed", user, actor=user, before={"passkey_id": passkey_id})
            _end_if_last(user)


def make_recovery_codes(user: User) -> list[str]:
    """Make recovery codes in place of all earlier ones, and return them: they are kept as digests only.

    Raises NotEnrolled without a factor.
    """
    with transaction.atomic():
        if _lock(user) is None:
            raise NotEnrolled
        return _make_codes(user)


def reset_second_factor(user: User, *, actor: User | None, reason: str) -> None:
    """Take a lost second factor away from a user, and sign them out everywhere.

    For superusers, of others (one's own is removed on the page of one's security), and
    the system (actor None). Raises PermissionDenied, NotFound.
    """
    if actor is not None and (not actor.acts_as_superuser or actor.pk == user.pk):
        raise PermissionDenied("Only another superuser resets a second factor.")
    with transaction.atomic():
        if _lock(user) is None:
            raise NotFound("This account has no second factor.")
        _forget(user)
        User.objects.filter(pk=user.pk).update(sign_in_generation=F("sign_in_generation") + 1)
        record("second_factor.reset", user, actor=actor, reason=reason)


def sign_out_everywhere(user: User, *, actor: User | None) -> None:
    """End every session and every own token of a user; tokens of the identity provider are not ours to end."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(sign_in_generation=F("sign_in_generation") + 1)
        record("user.signed_out_everywhere", user, actor=actor)


def _lock(user: User) -> SecondFactor | None:
    """Lock the row and note the database's clock on it."""
    rows = SecondFactor.objects.select_for_update(of=("self",), no_key=True).annotate(clock=Now())
    return rows.filter(pk=user.pk).first()


def _begin(user: User) -> SecondFactor:
    """Make the row for a first factor. Sessions and own tokens that a password alone has opened end with it."""
    SecondFactor.objects.bulk_create([SecondFactor(user=user)], ignore_conflicts=True)
    User.objects.filter(pk=user.pk).update(has_second_factor=True, sign_in_generation=F("sign_in_generation") + 1)
    factor = _lock(user)
    if factor is None:
        raise NotFound
    return factor


def _end_if_last(user: User) -> None:
    has_totp = SecondFactor.objects.filter(pk=user.pk).exclude(totp_secret="").exists()
    if has_totp or Passkey.objects.filter(user=user).exists():
        return
    if user.is_second_factor_enforced:
        raise PermissionDenied("Your account needs a second factor. Set up another one first.")
    _forget(user)


def _forget(user: User) -> None:
    Passkey.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    SecondFactor.objects.filter(pk=user.pk).delete()
    User.objects.filter(pk=user.pk).update(has_second_factor=False)


def _first_codes(user: User) -> list[str]:
    return [] if RecoveryCode.objects.filter(user=user).exists() else _make_codes(user)


def _make_codes(user: User) -> list[str]:
    codes = [b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(code)) for code in codes])
    record("second_factor.recovery_codes_made", user, actor=user, after={"count": len(codes)})
    return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes]


def _takes_totp(factor: SecondFactor, code: str, clock: datetime) -> bool:
    secret = decrypt(factor.totp_secret) if factor.totp_secret else None
    digits = code.strip().replace(" ", "")
    step = totp.matching_step(secret, digits, at=clock.timestamp(), after=factor.totp_step) if secret else None
    if step is None:
        return False
    factor.totp_step = step
    return True


def _takes_recovery_code(user: User, code: str) -> bool:
    unused = RecoveryCode.objects.filter(user=user, used_at=None)
    if not unused.filter(digest=_digest(code)).update(used_at=Now()):
        return False
    record("second_factor.recovery_code_used", user, actor=user, after={"left": unused.count()})
    return True


def _digest(code: str) -> str:
    """Digest a recovery code. Its 80 random bits cannot be tried out, so a plain hash protects it."""
    kept = "".join(character for character in code.lower() if character.isascii() and character.isalnum())
    return hashlib.sha256(kept.encode()).hexdigest()


def _pause_until(failures: int, clock: datetime) -> datetime | None:
    beyond = failures - FREE_FAILURES
    if beyond < 0:
        return None
    return clock + min(FIRST_PAUSE * 2 ** min(beyond, 10), LONGEST_PAUSE)
