"""Proving on the running system that a step of its set-up has happened and still holds.

Each such step registers one function here. ``manage.py check --database default`` asks them all.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, DatabaseError, transaction

Function = TypeVar("Function", bound=Callable[[], Iterable[str]])


def proves(
    identifier: str, *, hint: str, severity: type[CheckMessage] = checks.Error
) -> Callable[[Function], Function]:
    """Register a function that names what is missing or altered; each name becomes a message of ``check``.

    Its queries are rolled back. An error of the database is a finding as well.
    """

    def register(function: Function) -> Function:
        def look(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
            if not databases or DEFAULT_DB_ALIAS not in databases:
                return []
            try:
                with transaction.atomic():
                    problems = list(function())
                    transaction.set_rollback(True)
            except DatabaseError as error:
                problems = [f"{function.__name__} cannot be looked at: {str(error).strip().splitlines()[0]}"]
            return [severity(problem, hint=hint, id=identifier) for problem in problems]  # type: ignore[call-arg, arg-type]

        checks.register(look, checks.Tags.database)
        return function

    return register
