"""The audit log and its seals, to search and to read. They cannot be changed, not even by a superuser."""

from trustengine.audit.admin import seals
from trustengine.audit.admin.entries import EntryAdmin, known_verbs

__all__ = ["EntryAdmin", "known_verbs", "seals"]
