"""What tests import by name, and what the test runner installs for them."""

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


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run each call in a thread of its own, all let go together; returns what each returned or raised.

    For tests with ``django_db(transaction=True)``: every thread has its own connection.
    """
    import threading
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=10)
            return call()
        except Exception as error:  # the test decides what may be raised
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        return list(threads.map(run, calls))


def bearer(user: Any) -> str:
    """An ``Authorization`` header with an own access token of this user."""
    from trustengine.accounts.tokens import issue

    return f"Bearer {issue(user).access}"


def api_client_for(user: Any = None) -> Any:
    """DRF's test client, signed in by an own token; anonymous without a user."""
    from rest_framework.test import APIClient

    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=bearer(user))
    return client
