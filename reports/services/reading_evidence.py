"""Reading what reporters have uploaded: each time leaves an entry, whichever door it is read by.

The original is a download and never a page of ours: a stranger made it. What is shown in the
console is a picture that is encoded anew here.
"""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect

from reports.models import Evidence
from reviews import files
from reviews.imaging import preview_of
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import NotFound

ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
NO_PAGE = "sandbox; default-src 'none'"


@dataclass(frozen=True)
class EvidenceBytes:
    """The bytes of a file, and how they are to be answered."""

    data: bytes
    content_type: str
    disposition: str

    def as_answer(self) -> HttpResponse:
        """An answer that no browser takes for a page, guesses the type of or keeps."""
        answer = HttpResponse(self.data, content_type=self.content_type)
        answer["Content-Disposition"] = self.disposition
        answer["Content-Security-Policy"] = NO_PAGE
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer


def read_original(evidence_id: UUID, *, reader: User, door: str) -> EvidenceBytes:
    """The file as it is kept, to be saved. ``door`` goes into the entry. Raises NotFound, TryAgain."""
    evidence, data = _read(evidence_id, reader, door, "original")
    return EvidenceBytes(data, evidence.content_type, f'attachment; filename="{_name(evidence)}"')


def read_preview(evidence_id: UUID, *, reader: User, door: str) -> EvidenceBytes:
    """A picture, encoded anew and small enough for a page. Raises NotFound for what is no picture, TryAgain."""
    if not Evidence.objects.filter(pk=evidence_id, kind=Evidence.Kind.IMAGE).exists():
        raise NotFound
    _, data = _read(evidence_id, reader, door, "preview")
    return EvidenceBytes(preview_of(data), "image/jpeg", "inline")


def send_original(evidence_id: UUID, *, reader: User, door: str) -> HttpResponseBase:
    """The original as an answer; a bucket is redirected to, by an address that works for minutes. Raises as above."""
    if not settings.S3_BUCKET:
        return read_original(evidence_id, reader=reader, door=door).as_answer()
    evidence = _find(evidence_id)
    _note(evidence, reader, door, "original")
    disposition = f'attachment; filename="{_name(evidence)}"'
    answer = HttpResponseRedirect(files.signed_url(evidence.file, disposition=disposition))
    answer["Cache-Control"] = "private, no-store"
    return answer


def _read(evidence_id: UUID, reader: User, door: str, what: str) -> tuple[Evidence, bytes]:
    evidence = _find(evidence_id)
    _note(evidence, reader, door, what)  # before anything is read: rather an entry too many than one too few
    data = files.read(evidence.file)
    if data is None:
        raise NotFound
    return evidence, data


def _find(evidence_id: UUID) -> Evidence:
    evidence = Evidence.objects.filter(pk=evidence_id).first()
    if evidence is None:
        raise NotFound
    return evidence


def _note(evidence: Evidence, reader: User, door: str, what: str) -> None:
    about = ("reports.report", evidence.report_id)
    record("report.evidence_read", about, actor=reader, after={"evidence": evidence.pk, "door": door, "read": what})


def _name(evidence: Evidence) -> str:
    return f"evidence-{str(evidence.pk)[-8:]}.{ENDINGS.get(evidence.content_type, 'bin')}"
