"""Who wants to know of each decision, in its own transaction: higher apps register, this one calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reviews.models import Review, VendorReply
from reviews.services.mementos import Memento, memento_of
from trustengine.accounts.models import User


@dataclass(frozen=True)
class Taken:
    """A decision that has been taken. ``actor`` is None where a rule decided."""

    content: Review | VendorReply
    action: str
    actor: User | None
    reason: str
    before: Memento
    after: Memento


Recorder = Callable[[Taken], None]
_recorders: list[Recorder] = []


def decision_recorder(function: Recorder) -> Recorder:
    """Have a function called with every decision, while the content is locked. It must not lock what comes before."""
    _recorders.append(function)
    return function


@contextmanager
def decision(content: Review | VendorReply, action: str, actor: User | None, reason: str) -> Iterator[None]:
    """The block decides about a locked content; whoever registered is told what it was and what it became."""
    before = memento_of(content)
    yield
    after = memento_of(content)
    if before != after:
        taken = Taken(content, action, actor, reason, before, after)
        for recorder in _recorders:
            recorder(taken)
