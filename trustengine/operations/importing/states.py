"""What an import wrote, remembered as a digest, and what a second import may therefore do."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trustengine.operations.importing.columns import UNSAID

State = dict[str, Any]

_ENCODER = json.JSONEncoder(default=str)


class Verdict(StrEnum):
    """What becomes of an accepted row; the words are the contract's."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True)
class Stored:
    """What the database holds of a row: the members an import writes, and the digest of what the last one wrote.

    ``id`` is the row's own where that is not the key of the file.
    """

    state: State
    digest: bytes | memoryview | None
    id: Any = None

    @property
    def is_untouched(self) -> bool:
        """Whether an import wrote this row and nobody has changed it since."""
        return self.digest is not None and bytes(self.digest) == state_digest(self.state)


def state_digest(state: State) -> bytes:
    """Sixteen bytes that stand for a state. A member that is null counts as absent, so that new columns may come."""
    told = sorted((name, value) for name, value in state.items() if value is not None)
    return hashlib.blake2b(_ENCODER.encode(told).encode(), digest_size=16).digest()


def weigh(fresh: State, stored: Stored | None, absent: Collection[str] = ()) -> tuple[Verdict, State]:
    """Compare what a file says of a row with what is stored: the verdict, and the state to write.

    ``absent`` names the columns that the file does not have: of a row that nobody has
    changed they stay as they are.
    """
    if stored is None:
        return Verdict.CREATED, fresh
    whole = {name: stored.state[name] if value is UNSAID else value for name, value in fresh.items()}
    if whole == stored.state:
        return Verdict.UNCHANGED, whole
    if not stored.is_untouched:
        return Verdict.KEPT, stored.state
    merged = whole | {name: stored.state[name] for name in absent if name in stored.state}
    return (Verdict.UNCHANGED if merged == stored.state else Verdict.UPDATED), merged
