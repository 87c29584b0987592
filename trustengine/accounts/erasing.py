"""Erasing a person: what every app takes away, in steps and batches that may be killed and repeated.

The apps register their steps in modules called ``erasure``; this supplies the request,
the order, the progress and the turns. A step is given the user and the most rows that it
may touch, and returns how many it did: fewer than asked means that nothing is left.
Steps run in their ``order``, one batch to a transaction, so that each takes its locks in
the fixed order without regard to the others. Locks of the request: the vendors' profiles
by id, then the user; of a batch: the erasure, then what its step takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import transaction

from trustengine.accounts import tombstones
from trustengine.accounts.errors import ErasureHindered
from trustengine.accounts.jobs import erase, erase_leftovers
from trustengine.accounts.models import Erasure, Membership, Profile, User
from trustengine.accounts.services import require_may_touch
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import NotFound, PermissionDenied
from trustengine.jobs.services import enqueue, publish

logger = structlog.get_logger(__name__)

State = Erasure.State
BATCH = 500
# Requests that were let in before the account closed have ended long before: time-outs see to it.
SECOND_LOOK = timedelta(minutes=2)
PERMISSION = "accounts.erase_user"

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Step:
    """What one app takes away of a person."""

    name: str
    order: int
    take: Callable[[User, int], int]
    most: int


_steps: dict[str, Step] = {}
_hindrances: dict[str, Callable[[User], str]] = {}


def eraser(name: str, *, order: int, most: int = BATCH) -> Callable[[Function], Function]:
    """Register a function as the step ``app.name``, which takes ``most`` rows at a time.

    ``order``: below 30 what the public sees, from 60 on the account itself.
    """

    def register(function: Function) -> Function:
        _steps[name] = Step(name, order, function, most)  # type: ignore[arg-type]
        return function

    return register


def hindrance(name: str) -> Callable[[Function], Function]:
    """Register a function that says why a person cannot be erased yet, or "" where nothing stands in the way."""

    def register(function: Function) -> Function:
        _hindrances[name] = function  # type: ignore[assignment]
        return function

    return register


def steps() -> list[Step]:
    return sorted(_steps.values(), key=lambda step: (step.order, step.name))


@transaction.atomic
def request_erasure(user: User, *, actor: User | None, reason: str = "") -> Erasure:
    """Close an account at once, and have everything personal about it erased by a job. Cannot be undone.

    For the person themselves, suspended or not, for staff with ``accounts.erase_user``
    (of staff's accounts: superusers), and the system (actor None). ``reason`` is
    a code. Idempotent. Raises PermissionDenied, NotFound, and ErasureHindered while
    others depend on the person.
    """
    if actor is not None and actor.pk != user.pk:
        _require_right(actor, user)
    vendors = Profile.objects.vendors().filter(memberships__user=user).order_by("pk")
    list(vendors.select_for_update(of=("self",), no_key=True).values_list("pk"))
    user = _lock_user(user.pk)
    if (known := Erasure.objects.filter(user=user).first()) is not None:
        return known
    for hindered in _hindrances.values():
        if because := hindered(user):
            raise ErasureHindered(because)
    erasure = Erasure.objects.create(user=user, requested_by=actor)
    record("user.erasure_requested", user, actor=actor, after={"erasure_id": erasure.pk}, reason=reason)
    tombstones.remember(user.subject, at=erasure.requested_at)
    _close(user)
    _leave_vendors(user, actor)
    enqueue(erase, key=erasure.pk)
    publish("accounts.account_closed", user_id=user.pk)
    return erasure


@transaction.atomic
def advance(erasure_id: UUID, *, limit: int = BATCH) -> Erasure:
    """Carry out one batch of the first step that is not done; whoever else is at it waits for this one.

    A step that fails leaves no trace but its name and the kind of its error. Raises NotFound.
    """
    erasure = _lock_erasure(erasure_id)
    if erasure.state == State.DONE:
        return erasure
    step = next((step for step in steps() if not erasure.progress.get(step.name, {}).get("done")), None)
    if step is None:
        _finish(erasure)
        return erasure
    try:
        with transaction.atomic():
            _take(erasure, step, limit)
    except Exception as error:
        logger.exception("erasure_failed", erasure=str(erasure.pk), step=step.name)
        erasure.state, erasure.failures = State.FAILED, erasure.failures + 1
        erasure.problem = f"{step.name}: {type(error).__name__}"
    else:
        erasure.state, erasure.failures, erasure.problem = State.RUNNING, 0, ""
    erasure.save(update_fields=["state", "progress", "problem", "failures"])
    return erasure


def look_again(erasure_id: UUID, *, limit: int = BATCH) -> int:
    """Take away what requests let in before the account closed have left after their step; returns how many rows."""
    found = 0
    for step in steps():
        more = True
        while more:
            with transaction.atomic():
                erasure = _lock_erasure(erasure_id)
                rows, more = _take(erasure, step, limit)
                if rows:
                    erasure.save(update_fields=["progress"])
            found += rows
    return found


def _take(erasure: Erasure, step: Step, limit: int) -> tuple[int, bool]:
    """One batch of a step: how many rows it touched, and whether more may be left."""
    limit = min(limit, step.most)
    rows = step.take(User.objects.get(pk=erasure.user_id), limit)
    before = erasure.progress.get(step.name, {}).get("rows", 0)
    more = rows >= limit
    erasure.progress[step.name] = {"rows": before + rows, "done": not more}
    return rows, more


def _finish(erasure: Erasure) -> None:
    erasure.state, erasure.finished_at = State.DONE, database_now()
    erasure.save(update_fields=["state", "finished_at"])
    rows = {name: step["rows"] for name, step in sorted(erasure.progress.items())}
    record("user.erased", ("accounts.user", erasure.user_id), after={"erasure_id": erasure.pk, "rows": rows})
    enqueue(erase_leftovers, key=erasure.pk, run_at=erasure.requested_at + SECOND_LOOK)
    publish("accounts.user_erased", user_id=erasure.user_id)


def _require_right(actor: User, user: User) -> None:
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    require_may_touch(user, actor)


def _close(user: User) -> None:
    """No token and no session of theirs is believed from this commit on."""
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "is_staff", "is_superuser", "password"])
    user.groups.clear()
    user.user_permissions.clear()


def _leave_vendors(user: User, actor: User | None) -> None:
    """At once, so that of two owners who go together the second is seen to be the last."""
    for member in Membership.objects.filter(user=user, profile__kind=Profile.Kind.VENDOR).order_by("profile"):
        before = {"user_id": user.pk, "role": member.role}
        record("membership.removed", ("accounts.profile", member.profile_id), actor=actor, before=before)
        member.delete()


def _lock_user(user_id: UUID) -> User:
    user = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user


def _lock_erasure(erasure_id: UUID) -> Erasure:
    erasure = Erasure.objects.select_for_update(of=("self",), no_key=True).filter(pk=erasure_id).first()
    if erasure is None:
        raise NotFound
    return erasure
