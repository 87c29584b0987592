"""Importing a marketplace's history from CSV: what a domain app needs to declare an importer."""

from trustengine.operations.importing import values
from trustengine.operations.importing.columns import UNSAID, Column, Key, Row
from trustengine.operations.importing.importer import Importer, Planned, after_import_of, importer
from trustengine.operations.importing.rejects import Reason, Refusal
from trustengine.operations.importing.states import State, Stored, Verdict, state_digest

__all__ = [
    "UNSAID",
    "Column",
    "Importer",
    "Key",
    "Planned",
    "Reason",
    "Refusal",
    "Row",
    "State",
    "Stored",
    "Verdict",
    "after_import_of",
    "importer",
    "state_digest",
    "values",
]
