"""The catalogue of reasons, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator

from reports.catalogue import FIRST
from reports.models import ReasonCode
from trustengine.database.proving import proves


@proves("reports.E010", hint="Run manage.py migrate: it adds what is missing.")
def reason_codes() -> Iterator[str]:
    """Every reason that the code itself uses is in the catalogue."""
    known = set(ReasonCode.objects.values_list("code", flat=True))
    for code, *_ in FIRST:
        if code not in known:
            yield f"The reason {code} is missing from the catalogue."
