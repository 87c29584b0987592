"""Background work of accounts."""

from datetime import timedelta
from uuid import UUID

from trustengine.database_time import database_now
from trustengine.jobs.claims import backoff
from trustengine.jobs.registry import job, scheduled
from trustengine.jobs.services import enqueue

LEAST_PAUSE = timedelta(seconds=10)


@job(queue="default", coalesce=True, long=True)
def erase(key: str) -> None:
    """One batch of an erasure, and another job for the next one in the same transaction.

    A step that fails is tried again with growing pauses for as long as it takes: there is
    no giving up on a person's right.
    """
    from trustengine.accounts.erasing import advance
    from trustengine.accounts.models import Erasure

    erasure = advance(UUID(key))
    if erasure.state == Erasure.State.FAILED:
        pause = LEAST_PAUSE + backoff(erasure.failures)
        enqueue(erase, key=key, run_at=database_now() + pause)
    elif erasure.state != Erasure.State.DONE:
        enqueue(erase, key=key)


@job(queue="low", coalesce=True, atomic=False, long=True)
def erase_leftovers(key: str) -> dict[str, int]:
    """Erase what an earlier request has still written about somebody while they were being erased."""
    from trustengine.accounts.erasing import look_again

    return {"rows": look_again(UUID(key))}


@job(queue="low", atomic=False)
def send_sign_in_warning(user_id: str) -> bool:
    """Mail an account's holder that somebody guesses its password; whether a mail has left."""
    from trustengine.accounts.sign_in_warnings import send_warning

    return send_warning(UUID(user_id))


@scheduled("17 * * * *")
@job(queue="low")
def prune_refresh_tokens() -> dict[str, int]:
    """Delete what is known of refresh tokens that have all expired."""
    from trustengine.accounts.refresh_tokens import prune_refresh_families

    return {"families": prune_refresh_families()}
