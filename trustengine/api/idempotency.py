"""``Idempotency-Key``: an unsafe request that is sent twice takes effect once, and is answered alike.

The key belongs to the caller and the path. The view's method runs in the transaction that
also stores the answer, so effect and answer commit together; an answer that is no success
rolls both back, and the key stays unused. A caller who has lost rights since is asked for
them again before an answer is replayed. Of requests at the same moment one runs, by a
transaction's advisory lock that is tried and never waited for: the others are told at once.

Anonymous requests have nobody for a key to belong to: there the header has no effect. So
the tokens that ``auth/token/`` gives out are never stored.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.http import QueryDict
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from trustengine.api.models import StoredAnswer
from trustengine.api.standing import standing_of
from trustengine.errors import DomainError, InvalidInput, PermissionDenied

KEY = re.compile(r"[\x21-\x7e]{1,255}")
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_HEADERS = ("Location",)
REFUSED = frozenset({401, 403, 404})
REPLAYED = "Idempotency-Replayed"


class IdempotencyInProgress(DomainError):
    status = 409
    code = "IDEMPOTENCY_IN_PROGRESS"
    message = "A request with this Idempotency-Key is still running."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class IdempotencyKeyReused(DomainError):
    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    message = "This Idempotency-Key has been used for another request."


class Idempotent:
    """Mixed into every view of the API by ``idempotent()``; see there."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After DRF has admitted the caller: put the transaction around this request's handler."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        name = str(request.method).lower()
        if request.method in UNSAFE_METHODS and hasattr(self, name) and request.user.is_authenticated:
            key = request.headers.get("Idempotency-Key")
            if key is not None:
                setattr(self, name, partial(answer_once, getattr(self, name), key))


def answer_once(handler: Callable[..., Response], key: str, request: Request, *args: Any, **kwargs: Any) -> Response:
    """The stored answer of this key, or the handler's, which is stored with its effect if it is a success.

    Raises InvalidInput for a key of another shape, IdempotencyKeyReused, IdempotencyInProgress.
    """
    if not KEY.fullmatch(key):
        raise InvalidInput(fields={"Idempotency-Key": "1 to 255 visible ASCII characters."})
    fingerprint = _fingerprint(request)
    with transaction.atomic():
        _lock(f"idempotency:{request.user.pk}:{request.path}:{key}")
        # In a statement of its own after the lock, so that it sees what the lock's former holder has committed.
        stored = StoredAnswer.objects.filter(user=request.user.pk, path=request.path, key=key)
        if answer := stored.current().first():
            if bytes(answer.fingerprint) != fingerprint:
                raise IdempotencyKeyReused
            if bytes(answer.standing or b"") != standing_of(request.user):
                _ask_again(handler, request, *args, **kwargs)
            return _replay(answer)
        response = handler(request, *args, **kwargs)
        if 200 <= response.status_code < 300:
            stored.delete()  # one that has expired and waits for the pruning job
            _store(request, key, fingerprint, response)
        else:
            transaction.set_rollback(True)
        return response


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise IdempotencyInProgress


def _store(request: Request, key: str, fingerprint: bytes, response: Response) -> None:
    body = b"" if response.data is None else JSONRenderer().render(response.data)
    StoredAnswer.objects.create(
        user_id=str(request.user.pk),
        path=request.path,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        headers={name: response[name] for name in KEPT_HEADERS if response.has_header(name)},
        body=body.decode(),
        standing=standing_of(request.user),  # now, since the request itself may have changed it
    )


def _ask_again(handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> None:
    """Refuse a replay to a caller who may not do this any more: suspended, out of the vendor, without the permission.

    The method runs again, its effects are rolled back, and only a refusal of the caller
    counts: that something is done already is why the answer is replayed. Raises what the method raises.
    """
    try:
        with transaction.atomic():
            response = handler(request, *args, **kwargs)
            transaction.set_rollback(True)
    except (DomainError, APIException) as refusal:
        if getattr(refusal, "status", None) in REFUSED or getattr(refusal, "status_code", None) in REFUSED:
            raise
        return
    if response.status_code in REFUSED:
        raise PermissionDenied


def _replay(answer: StoredAnswer) -> Response:
    data = json.loads(answer.body) if answer.body else None
    return Response(data, status=answer.status, headers={**answer.headers, REPLAYED: "true"})


def _fingerprint(request: Request) -> bytes:
    """A digest of what is asked. Two spellings of one JSON document are the same."""
    digest = hashlib.sha256()
    for part in (str(request.method), request.META.get("QUERY_STRING", ""), *_body(request.data)):
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def _body(data: Any) -> Iterator[str | bytes]:
    if not isinstance(data, QueryDict):
        yield json.dumps(data, sort_keys=True, separators=(",", ":"))
        return
    for name, values in sorted(data.lists()):
        yield name
        yield from _form_values(values)


def _form_values(values: Iterable[Any]) -> Iterator[str | bytes]:
    for value in values:
        if isinstance(value, UploadedFile):
            yield value.read()
            value.seek(0)  # the handler reads it as well
        else:
            yield str(value)
