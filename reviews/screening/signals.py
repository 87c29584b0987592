"""What checks take and what they give."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Signal:
    """Something a check found: its name, how much it weighs (0 to 1), and a sentence for the moderator.

    ``data`` holds ids and numbers to look further by, as JSON, and never what a person wrote.
    """

    name: str
    weight: float
    sentence: str
    data: Mapping[str, Any] = field(default_factory=dict)


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


@dataclass(frozen=True)
class Submission:
    """A candidate with where it stands: for checks that ask the database what else there is.

    ``rating`` is read by ``takeover`` and ``habits`` only, as one piece of evidence that
    the author is somebody else now.
    """

    candidate: Candidate
    review_id: UUID
    revision: int
    product_id: UUID
    author_id: UUID
    rating: int
    written_at: datetime
    is_first: bool
    ip_hash: str = ""
    agent_hash: str = ""


Check = Callable[[Candidate], Iterable[Signal]]
HistoryCheck = Callable[[Submission], Iterable[Signal]]
