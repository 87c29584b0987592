"""What tests import by name, and what the test runner installs for them."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any


def let_flushes_pass_triggers() -> None:
    """Let the flush after a transactional test pass the triggers that refuse TRUNCATE.

    The audit tables are append-only by trigger, for every role and every statement. A
    ``TransactionTestCase`` (pytest: ``django_db(transaction=True)``) truncates all tables
    when it ends; this is the one place where that is allowed. Called once by the plugin.
    """
    from django.test import TransactionTestCase

    teardown = TransactionTestCase._fixture_teardown
    if not hasattr(teardown, "__wrapped__"):
        TransactionTestCase._fixture_teardown = _ignoring_triggers(teardown)  # type: ignore[method-assign]


def _ignoring_triggers(teardown: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(teardown)
    def quietly(*args: Any, **kwargs: Any) -> Any:
        import pgtrigger

        with pgtrigger.ignore():
            return teardown(*args, **kwargs)

    return quietly


def at_once(*callables: Callable[[], Any]) -> list[Any]:
    """Start every callable at the same moment, each in a real thread with a connection of its own.

    Returns what each returned, or the exception it raised, in the order given. The test
    must be transactional, or the threads see nothing of its rows.
    """
    from django.db import connections

    barrier = threading.Barrier(len(callables))
    results: list[Any] = [None] * len(callables)

    def run(position: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            results[position] = function()
        except Exception as error:
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(callables)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a thread is stuck"
    return results


def run_due_jobs() -> int:
    """Run every job that is due, in this process, and those that they ask for; returns how many."""
    from trustengine.jobs.runner import drain_all

    return drain_all()
