"""Identifiers: time-ordered ones for new rows, and one spelling for those that come from outside."""

import uuid

from uuid_utils.compat import uuid7

__all__ = ["canonical_subject", "uuid7"]


def canonical_subject(text: str) -> str:
    """The subject of a token or an import in one spelling.

    Any usual spelling of a UUID becomes the hyphenated lower-case one, so that an
    imported customer and the token of the same person meet. Other text stays as it is.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text
