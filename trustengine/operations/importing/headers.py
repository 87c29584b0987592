"""The header row of a file, and what is wrong with one that cannot be used, as far as it can be seen."""

from collections.abc import Sequence

from trustengine.operations.importing.reading import Record, Unusable
from trustengine.text import normalised

LONGEST_SHOWN = 60
MOST_SHOWN = 12
SEPARATORS = {";": "semicolons (;)", "\t": "tabs", "|": "vertical bars (|)"}
BYTE_ORDER_MARK = "\ufeff"
# The first bytes of other formats, as the text reader leaves them: what is not UTF-8 comes as lone surrogates.
GZIP, WORKBOOK = "\x1f\udc8b", "PK\x03\x04"
UTF_16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")


def names_of(header: Record | None, required: Sequence[str], file: str) -> list[str]:
    """The names of the columns. Raises Unusable where a required one is missing."""
    if header is None:
        raise Unusable(f"{file} is empty: it needs a header row with the names of its columns")
    text = header.start if header.cells is None else ",".join(header.cells)
    if (kind := _other_format(text)) is not None:
        raise Unusable(f"{file}: {kind}")
    if header.cells is None:
        raise Unusable(f"{file} has no header row that can be read: {_fault(header.start)}")
    names = [cell.strip() for cell in header.cells]
    for name in required:
        if name not in names:
            raise Unusable(
                f"{file}: the header row misses the required column {name}; {found(names)}{_hint(names, name)}"
            )
    return names


def found(names: Sequence[str]) -> str:
    """The columns that a header row has, in words."""
    shown = ", ".join(f"“{_shown(name)}”" for name in names[:MOST_SHOWN])
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"found {'one column called' if len(names) == 1 else f'{len(names)} columns:'} {shown}{more}"


def _shown(name: str) -> str:
    plain = normalised(name.replace("\t", "→")).replace("\n", " ")
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[: LONGEST_SHOWN - 1]}…"


def _other_format(text: str) -> str | None:
    if text.startswith(GZIP):
        return "the file is compressed by gzip: give it a name that ends in .csv.gz"
    if text.startswith(WORKBOOK):
        return "the file is a workbook or a zip archive: save it as “CSV UTF-8”"
    if text.startswith(UTF_16_MARKS) or "\x00" in text:
        return "the header row is not UTF-8 but looks like UTF-16 (“Unicode text”): save the file as “CSV UTF-8”"
    if text.startswith(BYTE_ORDER_MARK):
        return "a second byte order mark (BOM) stands before the header row: remove one of them"
    return None


def _fault(line: str) -> str:
    """Why a header row is no CSV: mostly names in quotes between other separators than commas."""
    for separator, words in SEPARATORS.items():
        if f'"{separator}' in line or f'{separator}"' in line:
            return f"found “{_shown(line)}”. Is the file separated by {words}? The import reads commas."
    return f"a quote in it is not closed, or text follows one; found “{_shown(line)}”"


def _hint(names: Sequence[str], missing: str) -> str:
    """What may be the reason, as ``. Is …?``; "" where nothing is to be seen."""
    if any(not name.isascii() and any("\udc80" <= letter <= "\udcff" for letter in name) for name in names):
        return ". The header row is not UTF-8: is the file in Latin-1 or Windows-1252? Save it as “CSV UTF-8”."
    if len(names) == 1:
        for separator, words in SEPARATORS.items():
            if separator in names[0]:
                return f". Is the file separated by {words}? The import reads commas."
        if "," in names[0]:
            return ". The whole header row stands in quotes: remove them, and those around whole rows."
    for name in names:
        if BYTE_ORDER_MARK in name:
            return ". A byte order mark (BOM) stands in the header row: remove it."
        if normalised(name.casefold()).replace(" ", "_").replace("-", "_") == missing:
            return f". Is “{_shown(name)}” meant? Names of columns are in small letters with underscores."
    return ""
