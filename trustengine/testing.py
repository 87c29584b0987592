"""What tests import by name, and what the test runner installs for them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from unittest.mock import patch

PATIENCE = 30.0  # only ever waited for in full when something is broken


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Call all of them at the same moment; what each returned or raised, in their order.

    Each call has a thread and a database connection of its own, opened before the start,
    so the test needs ``django_db(transaction=True)``. Fails if one of them hangs.
    """
    from django.db import connection, connections

    assert not connection.in_atomic_block, "threads see committed rows only: use django_db(transaction=True)"
    start = threading.Barrier(len(calls))
    outcomes: list[Any] = [TimeoutError("still running")] * len(calls)

    def take_part(position: int, call: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait(PATIENCE)
            outcomes[position] = call()
        except Exception as error:  # whatever it is, the test looks at it
            outcomes[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_part, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), f"some calls hang: {outcomes}"
    return outcomes


def run_due_jobs(*, failing: bool = False) -> int:
    """Run every due job in this process, also those that they enqueue; returns how many.

    Fails with the handler's traceback if a job failed, unless ``failing`` jobs are what
    the test is about.
    """
    from trustengine.jobs.models import Job
    from trustengine.jobs.runner import drain_all

    failed = Job.objects.open().exclude(error_details=None)
    before = set(failed.values_list("pk", "attempts"))
    served = drain_all()
    fresh = [job for job in failed if (job.pk, job.attempts) not in before]
    assert failing or not fresh, "\n".join(
        f"{job} failed: {(job.error_details or {}).get('traceback')}" for job in fresh
    )
    return served


@contextmanager
def database_time(at: datetime | None = None, *, ahead: timedelta = timedelta()) -> Iterator[None]:
    """Have ``database_now`` stand still at a moment, or run ``ahead`` of the real time (behind: a negative one).

    ``Now()`` in a statement stays the server's own: for that, write the rows' times as they should be.
    """
    from trustengine import database_time as module

    real = module._carried_on
    with patch.object(module, "_carried_on", lambda: at or real() + ahead):
        yield


def begin_database_time() -> None:
    """Let ``database_now`` begin with this machine's clock, which is the test server's as well, and never read another.

    So tests without a database may make instances, and none is refused a reading. Called once by the plugin.
    """
    from trustengine import database_time as module

    module._last = module.Reading(datetime.now(UTC), module._steady())
    module.READ_AGAIN_SECONDS = timedelta(days=1).total_seconds()


def let_flushes_pass_triggers() -> None:
    """Let the flush after a transactional test pass the triggers that refuse TRUNCATE.

    The audit tables are append-only by trigger, for every role and every statement. A
    ``TransactionTestCase`` (pytest: ``django_db(transaction=True)``) truncates all tables
    when it ends; this is the one place where that is allowed. Called once by the plugin.
    """
    from django.test import TransactionTestCase

    teardown = TransactionTestCase._fixture_teardown
    if not hasattr(teardown, "__wrapped__"):
        TransactionTestCase._fixture_teardown = _ignoring_triggers(teardown)


def _ignoring_triggers(teardown: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(teardown)
    def quietly(*args: Any, **kwargs: Any) -> Any:
        import pgtrigger

        with pgtrigger.ignore():
            return teardown(*args, **kwargs)

    return quietly


def bearer(user: Any) -> str:
    """An ``Authorization`` header with an own access token of this user."""
    from trustengine.accounts.tokens import issue

    return f"Bearer {issue(user, by_second_factor=user.has_second_factor).access}"


def api_client_for(user: Any = None) -> Any:
    """DRF's test client, signed in by an own token; anonymous without a user."""
    from rest_framework.test import APIClient

    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=bearer(user))
    return client
