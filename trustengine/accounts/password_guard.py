"""The check of a password, behind limits on guessing: by address, by name over all addresses, by known device.

It is an authentication backend, so it stands behind every form that takes a password. The
limits are counted before the password is looked at: a refused attempt costs no hash, and
parallel attempts do not slip through. Success forgets the failures of its name.

A name is never locked here, because anybody could lock it. After too many failures its
attempts are let through slowly, its holder is informed, and a browser in which they have
signed in before has attempts of its own (OWASP's “device cookies”).
"""

import math
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest

from trustengine.accounts.jobs import send_sign_in_warning
from trustengine.accounts.known_devices import known_device, new_device
from trustengine.accounts.models import User
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.api.refusals import refused
from trustengine.audit.services import record
from trustengine.client_address import client_network
from trustengine.jobs.services import enqueue
from trustengine.origins import keyed_hash

HOUR = 3_600.0
DATABASE = WithoutRedis.DATABASE

BY_ADDRESS = Limit("sign-ins", "TOKEN_REQUESTS_PER_MINUTE", DATABASE)
AT_SHARED_ADDRESS = Limit("sign-ins-shared", "SHARED_SIGN_INS_PER_MINUTE", DATABASE)
BY_NAME = Limit("sign-ins-name", "NAME_FAILURE_LIMIT", DATABASE, HOUR)
BY_NAME_AT_SHARED_ADDRESS = Limit("sign-ins-name-shared", "AXES_FAILURE_LIMIT", DATABASE, HOUR)
SLOWED = Limit("sign-ins-slowed", "SLOWED_SIGN_INS_PER_MINUTE", DATABASE)
BY_DEVICE = Limit("sign-ins-device", "AXES_FAILURE_LIMIT", DATABASE, HOUR)
WARNINGS = Limit("sign-in-warnings", "SIGN_IN_WARNINGS_PER_DAY", DATABASE, 24 * HOUR)


class PasswordGuard(ModelBackend):
    """Django's backend of passwords, which looks at one only where the limits allow it."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The account of this name and password, or None without both. Raises PermissionDenied for all else.

        PermissionDenied ends the search through the backends, so that no other one looks.
        """
        username = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if request is None or username is None or password is None:
            return None
        name = keyed_hash(f"name:{User.normalize_username(username)}")
        device = known_device(request, name)
        if wait := self._wait(request, name, device, username):
            # The marks by which django-axes' middleware replaces the answer, and counts no failure.
            request.axes_locked_out, request.sign_in_delay = True, math.ceil(wait)  # type: ignore[attr-defined]
            refused("SIGN_IN_DELAYED", network=client_network(request))
            raise PermissionDenied
        user = super().authenticate(request, username=username, password=password)
        if not isinstance(user, User):
            raise PermissionDenied
        for limit in (BY_NAME, BY_NAME_AT_SHARED_ADDRESS):
            limit.forget(name)
        request.known_device = device or new_device(name)  # type: ignore[attr-defined]
        return user

    def _wait(self, request: HttpRequest, name: str, device: str, username: str) -> float:
        """Seconds until this attempt may be made; 0 if it may be made now and is counted."""
        if device and BY_DEVICE.try_to_count(device) == 0:
            return 0.0
        network = client_network(request)
        wait = BY_ADDRESS.try_to_count(network) if network else AT_SHARED_ADDRESS.try_to_count("all")
        if wait:
            return wait
        by_name = BY_NAME if network else BY_NAME_AT_SHARED_ADDRESS
        if by_name.try_to_count(name) == 0:
            return 0.0
        _inform(username)
        return SLOWED.try_to_count(name)


def _inform(username: str) -> None:
    """Record that sign-ins of a name are slowed, and mail its holder; once a day for each account."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None or WARNINGS.try_to_count(user.pk):
        return
    refused("SIGN_INS_SLOWED", user=str(user.pk))
    with transaction.atomic():
        record("user.sign_ins_slowed", user, after={"per_minute": settings.SLOWED_SIGN_INS_PER_MINUTE})
        if user.email:
            enqueue(send_sign_in_warning, user_id=str(user.pk))
