"""A real PostgreSQL and a real Redis (Valkey) of our own, for when no URL names others.

Nothing here imports Django: settings ask for ``addresses`` before Django is set up.
"""

from trustengine.embedded.addresses import Addresses, addresses

__all__ = ["Addresses", "addresses"]
