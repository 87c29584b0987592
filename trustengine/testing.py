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
        TransactionTestCase._fixture_teardown = _ignoring_triggers(teardown)


def _ignoring_triggers(teardown: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(teardown)
    def quietly(*args: Any, **kwargs: Any) -> Any:
        import pgtrigger

        with pgtrigger.ignore():
            return teardown(*args, **kwargs)

    return quietly
