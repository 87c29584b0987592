"""Identifiers: time-ordered ones for new rows, and one spelling for those that come from outside."""

import re
import uuid

from uuid_utils.compat import uuid7

__all__ = ["canonical_subject", "uuid7"]

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
