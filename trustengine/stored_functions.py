"""Functions that live in the database, and the migrations that put them there.

For work that is small and frequent: a session keeps the plans of a function's statements,
which as text from a client would be parsed and planned every time.

The text stands in the code, once. A migration installs what the text is now and names the
digest of what it was written for; a test compares the two, so a changed function comes with
another migration, and a deployment that has not run it is not ready.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from django.db.migrations.operations import RunSQL


@dataclass(frozen=True)
class StoredFunction:
    """``parameters``: their types, by which PostgreSQL tells functions of one name apart."""

    name: str
    parameters: str
    definition: str

    @cached_property
    def digest(self) -> str:
        """Of the definition, however it is laid out."""
        return sha256(" ".join(self.definition.split()).encode()).hexdigest()[:16]


class Install(RunSQL):
    """A migration's operation: make the function what it is now. ``digest`` is what it was when this was written."""

    def __init__(self, function: StoredFunction, digest: str) -> None:
        super().__init__(function.definition, f"DROP FUNCTION IF EXISTS {function.name}({function.parameters})")
        self.function = function
        self.digest = digest
