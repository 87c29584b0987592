"""What tampering with the log looks like, in words."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """Each a code, and what it says to a person."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> "Kind":
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    ENTRY_CHANGED = "entry_changed", "is not what was sealed"
    ENTRY_REMOVED = "entry_removed", "is gone"
    ENTRY_INSERTED = "entry_inserted", "neither is sealed nor waits: inserted past the triggers, or its seal is gone"
    ENTRY_BACKDATED = "entry_backdated", "is dated before seals that were made when it was not there"
    SEAL_REMOVED = "seal_removed", "is gone"
    SEAL_CHANGED = "seal_changed", "does not contain what its hash says"
    SEAL_FORGED = "seal_forged", "was not signed with our key"
    SEAL_UNCHAINED = "seal_unchained", "does not continue the seal before it"
    SEAL_REPLACED = "seal_replaced", "is not the one that was there before"


@dataclass(frozen=True)
class Problem:
    """One finding: of an entry, else of the seal with this number. ``details`` is plain JSON.

    ``seal_id`` is a row to look at: of a removed seal the one after it, if there is one.
    """

    kind: Kind
    seal: int | None
    entry: UUID | None = None
    seal_id: UUID | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f" (seal {self.seal})" if self.entry and self.seal else ""
        subject = f"entry {self.entry}{where}" if self.entry else self._seals()
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.details.items() if name != "seals")
        return f"{subject} {self.kind.sentence}{f': {said}' if said else ''}"

    def _seals(self) -> str:
        first, last = self.details.get("seals", [self.seal, self.seal])
        return f"seal {first}" if first == last else f"each of seals {first} to {last}"
