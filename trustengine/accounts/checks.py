"""Settings of identity that would open the door wider than meant, or never open it."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import Group
from django.core import checks
from django.core.checks import CheckMessage, Error

SAFE_SECRET_BYTES = 32  # RFC 7518, section 3.2


@checks.register(checks.Tags.security)
def identity_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """JWT_SECRET, JWT_JWKS_URL and JWT_ISSUER can be used, and safely."""
    found: list[CheckMessage] = []
    if settings.JWT_ISSUER == settings.OWN_TOKEN_ISSUER:
        problem = f"JWT_ISSUER: “{settings.OWN_TOKEN_ISSUER}” is the issuer of this system's own tokens."
        found.append(Error(problem, id="accounts.E001"))
    if settings.JWT_SECRET.startswith(("-----BEGIN", "ssh-")):
        hint = "Public keys belong behind JWT_JWKS_URL."
        found.append(Error("JWT_SECRET: this is a key file, not a shared secret.", hint=hint, id="accounts.E002"))
    elif 0 < len(settings.JWT_SECRET.encode()) < SAFE_SECRET_BYTES:
        problem = f"JWT_SECRET: shorter than {SAFE_SECRET_BYTES} bytes, so it can be guessed from one token."
        found.append(checks.Warning(problem, id="accounts.W001"))
    if settings.JWT_JWKS_URL:
        address = urlsplit(settings.JWT_JWKS_URL)
        if address.scheme not in {"http", "https"} or not address.hostname:
            found.append(Error("JWT_JWKS_URL: not an http(s) address.", id="accounts.E003"))
        elif address.scheme == "http" and not settings.DEBUG:
            problem = "JWT_JWKS_URL: keys fetched without TLS can be replaced on the way."
            found.append(checks.Warning(problem, id="accounts.W002"))
    if (settings.JWT_SECRET or settings.JWT_JWKS_URL) and not settings.JWT_AUDIENCE:
        problem = "JWT_AUDIENCE: not set, so tokens that the identity provider made for other services open this one."
        hint = "Set JWT_AUDIENCE to the “aud” of the tokens meant for this service."
        found.append(checks.Warning(problem, hint=hint, id="accounts.W003"))
    return found


@checks.register(checks.Tags.database)
def second_factor_groups(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Each group that has to have a second factor exists: a name with a slip would enforce nothing."""
    if not databases or not settings.SECOND_FACTOR_GROUPS:
        return []
    known = set(Group.objects.values_list("name", flat=True))
    unknown = [name for name in settings.SECOND_FACTOR_GROUPS if name not in known]
    problem = "SECOND_FACTOR_GROUPS: there is no group “{}”, so nobody needs a second factor by it."
    return [checks.Warning(problem.format(name), id="accounts.W004") for name in unknown]
