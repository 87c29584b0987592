"""A real PostgreSQL and a real Redis (Valkey) of our own, for when no URL names others.

Nothing here imports Django: settings ask for ``addresses`` before Django is set up.
The servers themselves are imported by those who run them, from ``servers`` (for as
long as a supervisor lives) and ``sharing`` (for one command).
"""

from trustengine.embedded.addresses import Addresses, addresses
from trustengine.embedded.errors import EmbeddedError

__all__ = ["Addresses", "EmbeddedError", "addresses"]
