"""Which handlers exist, what they are called, which events they follow and when they are due."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings

Function = TypeVar("Function", bound=Callable[..., Any])
InDatabase = Callable[[], tuple[str, Sequence[Any]]]


@dataclass(frozen=True)
class Handler:
    """A function that runs as a job, and how.

    ``coalesce``: one run per key serves all rows of that key claimed together; the
    function takes the key alone. ``atomic``: effects and completion share one
    transaction, and the runs of one key take turns; False is for effects outside the
    database, which then use ``current_job_id()`` as their idempotency key.

    ``together``: coalesced beyond one key. One run serves all keys that are due, in the
    transaction that takes and finishes their jobs; the function takes them as a sorted list,
    and takes its own locks before it reads, in an order of its own. It is short, and stays
    within the database. ``pace`` is how many seconds a worker lets pass from one run to the
    next, so that a stream of small commits is a batch a beat; the first one runs at once.
    ``in_database`` says how a function in the database does the same to ``keys``, a text[]
    or null: the call, and the values of its placeholders. A run is then a single statement.

    ``long``: it goes through many rows, and states time-outs of its own; what is scheduled
    always does.
    """

    kind: str
    function: Callable[..., Any]
    queue: str
    coalesce: bool
    atomic: bool
    max_attempts: int
    together: bool = False
    pace: float = 0.0
    in_database: InDatabase | None = None
    long: bool = False


class RunLater(Exception):
    """Raised by a handler that cannot do its work yet: its job runs again no sooner than in ``seconds``.

    What an atomic handler has written rolls back. No attempt is used, so a handler that
    raises this bounds by itself how long it goes on.
    """

    def __init__(self, seconds: float) -> None:
        self.delay = timedelta(seconds=max(seconds, 0))
        super().__init__(f"not before {self.delay.total_seconds():g} s from now")


@dataclass(frozen=True)
class Subscription:
    handler: Handler
    key: str | None


@dataclass(frozen=True)
class Schedule:
    name: str
    cron: str
    handler: Handler


_handlers: dict[str, Handler] = {}
_by_function: dict[Callable[..., Any], Handler] = {}
_subscriptions: dict[str, list[Subscription]] = defaultdict(list)
_schedules: dict[str, Schedule] = {}


def job(
    *,
    queue: str = "default",
    coalesce: bool = False,
    atomic: bool = True,
    max_attempts: int | None = None,
    together: bool = False,
    pace: float = 0.0,
    in_database: InDatabase | None = None,
    long: bool = False,
) -> Callable[[Function], Function]:
    """Declare a function as the handler of a kind of job, named ``app.function``."""
    if queue not in settings.QUEUES:
        raise ValueError(f"unknown queue {queue}")
    if together and not atomic:
        raise ValueError("what runs together shares a transaction")
    if (pace or in_database) and not together:
        raise ValueError("only what runs together keeps a pace, or is done in the database")
    if long and together:
        raise ValueError("what runs together is short")

    def register(function: Function) -> Function:
        app = function.__module__.removeprefix("trustengine.").split(".")[0]
        kind = f"{app}.{function.__name__}"
        handler = Handler(
            kind,
            function,
            queue,
            coalesce or together,
            atomic,
            max_attempts or settings.JOB_MAX_ATTEMPTS,
            together,
            pace,
            in_database,
            long,
        )
        if kind in _handlers and _place(_handlers[kind].function) != _place(function):
            raise ValueError(f"two handlers are called {kind}")
        _handlers[kind] = _by_function[function] = handler
        return function

    return register


def subscribe(event: str, *, key: str | None = None) -> Callable[[Function], Function]:
    """Run this handler at every ``publish(event, …)``.

    ``key`` names the member of the payload that a coalesced handler is keyed by; where an
    event says None there, it is no news for this handler. Stands above ``@job``.
    """

    def register(function: Function) -> Function:
        handler = handler_of(function)
        if handler.coalesce and key is None:
            raise ValueError(f"{handler.kind} coalesces: say by which member of {event}")
        _subscriptions[event].append(Subscription(handler, key))
        return function

    return register


def scheduled(cron: str) -> Callable[[Function], Function]:
    """Run this handler at the times of a cron expression, in the marketplace's time zone. Stands above ``@job``."""

    def register(function: Function) -> Function:
        handler = handler_of(function)
        _schedules[handler.kind] = Schedule(handler.kind, cron, handler)
        return function

    return register


def handler_of(function: Callable[..., Any]) -> Handler:
    """The handler that a decorated function was registered as; KeyError if it was not."""
    return _by_function[function]


def handler_for(kind: str) -> Handler | None:
    """The handler of a kind, or None where this version of the code has none."""
    return _handlers.get(kind)


def is_long(handler: Handler) -> bool:
    """Whether the handler states the time-outs of long jobs."""
    return handler.long or (handler.kind in _schedules and not handler.together)


def handlers() -> list[Handler]:
    return sorted(_handlers.values(), key=lambda handler: handler.kind)


def subscriptions(event: str) -> list[Subscription]:
    return _subscriptions.get(event, [])


def schedules() -> list[Schedule]:
    return sorted(_schedules.values(), key=lambda schedule: schedule.name)


def _place(function: Callable[..., Any]) -> tuple[str, str]:
    return function.__module__, function.__qualname__
