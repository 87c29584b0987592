from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """Something a check found: its name, how much it weighs (0 to 1), and a sentence for the moderator."""

    name: str
    weight: float
    sentence: str


@dataclass(frozen=True)
class Candidate:
    """What is screened: the new text, and the public one it would replace (None for a first text).

    The stars are not part of it: they never hold a review back.
    """

    title: str
    comment: str
    published: str | None = None

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.comment}".strip()


Check = Callable[[Candidate], Iterable[Signal]]
