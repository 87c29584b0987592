"""Files from strangers, told by their content and measured here: PDFs as they are, pictures as pictures of ours."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from typing import IO

import structlog
from django.conf import settings

from reports.models import Evidence
from reports.pdf_pages import BROKEN, ENCRYPTED
from reviews.errors import FileTooLarge, FileTypeNotAllowed
from reviews.imaging import taken_in

logger = structlog.get_logger(__name__)

PDF_SECONDS = 15
PDF_BEGINS = b"%PDF-"  # at the very beginning: what only contains it may be something else as well
WHAT_IS_TAKEN = "Evidence is a PDF that opens without a password, or a JPEG, PNG, WebP, HEIC or AVIF picture."


@dataclass(frozen=True)
class Measured:
    """A file as it is kept, and what was measured of it. ``sha256`` is of what was given."""

    data: bytes
    kind: Evidence.Kind
    content_type: str
    ending: str
    pages: int
    sha256: str


def measured(file: IO[bytes], *, size: int) -> Measured:
    """Measure a stranger's file of ``size`` bytes.

    Raises FileTooLarge for too many bytes, pixels or pages, FileTypeNotAllowed.
    """
    if size > settings.EVIDENCE_MAX_BYTES:
        raise FileTooLarge
    given = file.read(settings.EVIDENCE_MAX_BYTES + 1)
    if len(given) > settings.EVIDENCE_MAX_BYTES:
        raise FileTooLarge
    digest = hashlib.sha256(given).hexdigest()
    if given.startswith(PDF_BEGINS):
        return Measured(given, Evidence.Kind.PDF, "application/pdf", "pdf", _pages(given), digest)
    try:
        picture = taken_in(BytesIO(given), size=len(given))
    except FileTypeNotAllowed as error:
        raise FileTypeNotAllowed(WHAT_IS_TAKEN) from error
    return Measured(picture.data, Evidence.Kind.IMAGE, "image/jpeg", "jpg", 1, digest)


def _pages(data: bytes) -> int:
    command = [sys.executable, "-m", "reports.pdf_pages"]
    try:
        ended = subprocess.run(
            command, input=data, capture_output=True, timeout=PDF_SECONDS, cwd=settings.BASE_DIR, check=False
        )
    except subprocess.TimeoutExpired as error:
        logger.info("pdf_unreadable", why="timeout")
        raise FileTypeNotAllowed(WHAT_IS_TAKEN) from error
    answer = ended.stdout.decode(errors="replace").strip()
    if ended.returncode or not answer.isdecimal():
        why = answer if answer in {ENCRYPTED, BROKEN} else "killed"
        logger.info("pdf_unreadable", why=why)
        raise FileTypeNotAllowed(WHAT_IS_TAKEN)
    if int(answer) > settings.EVIDENCE_MAX_PAGES:
        raise FileTooLarge(f"A PDF may have at most {settings.EVIDENCE_MAX_PAGES} pages.")
    return int(answer)
