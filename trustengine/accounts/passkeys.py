"""WebAuthn ceremonies: what the browser is asked for, and whether its answer is right.

The challenge of a ceremony lies in the session, and is taken out before the answer is
looked at: it is good once.
"""

import json
from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
)

from trustengine.accounts.errors import WrongCode
from trustengine.accounts.models import Passkey, User
from trustengine.accounts.second_factor import add_passkey
from trustengine.api.refusals import refused
from trustengine.errors import InvalidInput

STATE = "passkey_state"
MAX_BYTES = 20_000
REFUSED = "The passkey was not accepted. Please try again."
# What fido2 raises for answers that are malformed, of another site, or signed by another key.
ODD_ANSWERS = (ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError, NotImplementedError)

Session = MutableMapping[str, Any]


def host_of(request: HttpRequest) -> str:
    return request.get_host().rsplit(":", 1)[0] if not request.get_host().endswith("]") else request.get_host()


def can_have_passkeys(request: HttpRequest) -> bool:
    """Whether the console's address can: browsers make passkeys for host names over HTTPS, and for localhost."""
    host = host_of(request)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def begin_adding(request: HttpRequest, user: User) -> str:
    """Ask for a new passkey: the options for the browser, as JSON."""
    known = [AttestedCredentialData(row) for row in _credentials(user)]
    person = PublicKeyCredentialUserEntity(id=user.pk.bytes, name=str(user), display_name=str(user))
    options, request.session[STATE] = _server(request).register_begin(person, known, user_verification="preferred")  # type: ignore[arg-type]
    return json.dumps(dict(options)["publicKey"])


def finish_adding(request: HttpRequest, user: User, answer: str, *, name: str) -> list[str]:
    """Keep the passkey that the browser has made; returns recovery codes if they are the first. Raises InvalidInput."""
    state = request.session.pop(STATE, None)
    try:
        given = RegistrationResponse.from_dict(_parsed(answer))
        data = _server(request).register_complete(_required(state), given)
        credential = data.credential_data
        if credential is None:
            raise ValueError("no credential")
    except ODD_ANSWERS as error:
        refused("PASSKEY_REFUSED", user=str(user.pk), reason=str(error)[:100])
        raise InvalidInput(REFUSED) from error
    return add_passkey(
        user,
        name=name,
        credential_id=credential.credential_id,
        credential=bytes(credential),
        sign_count=data.counter,
    )


def begin_asking(request: HttpRequest, user: User) -> str:
    """Ask for one of the user's passkeys: the options for the browser, as JSON; empty where there is none."""
    known = [AttestedCredentialData(row) for row in _credentials(user)]
    if not known:
        return ""
    options, request.session[STATE] = _server(request).authenticate_begin(known, user_verification="preferred")  # type: ignore[arg-type]
    return json.dumps(dict(options)["publicKey"])


def check_passkey(request: HttpRequest, user: User, answer: str) -> None:
    """Believe a user who has signed the challenge with a passkey of theirs. Raises WrongCode.

    A counter that does not grow says that somebody has copied the key (WebAuthn, 6.1.1).
    """
    state = request.session.pop(STATE, None)
    try:
        given = AuthenticationResponse.from_dict(_parsed(answer))
        with transaction.atomic():
            rows = Passkey.objects.select_for_update(of=("self",), no_key=True)
            passkey = rows.filter(user=user, credential_id=given.raw_id).first()
            if passkey is None:
                raise ValueError("an unknown passkey")
            credential = AttestedCredentialData(bytes(passkey.credential))
            _server(request).authenticate_complete(_required(state), [credential], given)
            counter = given.response.authenticator_data.counter
            if (counter or passkey.sign_count) and counter <= passkey.sign_count:
                raise ValueError("a counter that did not grow")
            Passkey.objects.filter(pk=passkey.pk).update(sign_count=counter, used_at=Now())
    except ODD_ANSWERS as error:
        refused("PASSKEY_REFUSED", user=str(user.pk), reason=str(error)[:100])
        raise WrongCode(REFUSED) from error


def _credentials(user: User) -> list[bytes]:
    rows = Passkey.objects.filter(user=user).order_by("pk").values_list("credential", flat=True)
    return [bytes(row) for row in rows]


def _server(request: HttpRequest) -> Fido2Server:
    """The relying party is the host by which the console was opened; other hosts and plain HTTP are refused."""
    host = host_of(request)

    def is_ours(origin: str) -> bool:
        given = urlsplit(origin)
        return given.hostname == host and (given.scheme == "https" or host == "localhost")

    return Fido2Server(PublicKeyCredentialRpEntity(name="TrustEngine", id=host), verify_origin=is_ours)


def _parsed(answer: str) -> Any:
    if len(answer) > MAX_BYTES:
        raise ValueError("too long")
    try:
        return json.loads(answer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _required(state: Any) -> Any:
    if not state:
        raise ValueError("no challenge, or one that was used")
    return state
