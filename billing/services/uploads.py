"""Files that people upload: room for them in a plan, and what they really took. Measured here, never as announced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from billing.services.quotas import Held, reserved
from billing.services.usage import Event


@dataclass(frozen=True)
class Room:
    """Room for one file in the plan of a profile; without a profile nothing is counted."""

    profile_id: UUID | None
    held: Held

    def settle(self, *, source: str, file_id: UUID, size: int, pages: int = 1) -> None:
        """Count the file, last in the transaction that keeps it. Raises QuotaExceeded."""
        if self.profile_id is None:
            return
        measures = {"uploaded_bytes": size, "uploaded_pages": pages}
        self.held.settle(
            [
                Event(self.profile_id, source, f"{file_id}/{meter}", meter, quantity)
                for meter, quantity in measures.items()
            ]
        )


@contextmanager
def upload_room(profile_id: UUID | None, *, size: int) -> Iterator[Room]:
    """Room for a file of about this size, until the block ends. Raises QuotaExceeded before any work is done."""
    if profile_id is None:
        yield Room(None, Held())
        return
    with reserved(profile_id, {"uploaded_bytes": size, "uploaded_pages": 1}) as held:
        yield Room(profile_id, held)
