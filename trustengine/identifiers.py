"""Identifiers: time-ordered ones for new rows, and one spelling for those that come from outside."""

import re
import unicodedata
import uuid

from uuid_utils.compat import uuid7

__all__ = ["ERASED_PREFIX", "canonical_subject", "is_reserved_subject", "uuid7"]

ERASED_PREFIX = "erased:"  # followed by the user's id, once the person is erased

# uuid.UUID() takes much more than that: other scripts' digits, signs, spaces and underscores. None of
# these is a spelling of the same subject, and whoever could pick one would be taken for somebody else.
USUAL_UUID = re.compile(
    r"(?:urn:uuid:)?([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}",
    re.IGNORECASE | re.ASCII,
)


def canonical_subject(text: str) -> str:
    """The subject of a token or an import in one spelling.

    Any usual spelling of a UUID becomes the hyphenated lower-case one, so that an
    imported customer and the token of the same person meet. Other text stays as it is.
    """
    match = USUAL_UUID.fullmatch(text)
    return str(uuid.UUID(match[1] or match[2])) if match else text


def is_reserved_subject(text: str) -> bool:
    """Whether a name looks like a subject that only this system gives, in any case and behind any blanks."""
    return unicodedata.normalize("NFKC", text).strip().casefold().startswith(ERASED_PREFIX)
