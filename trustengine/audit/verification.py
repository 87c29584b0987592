"""Verifying the log: every seal against the chain, every sealed entry against its seal, and what no seal names.

Each statement is one snapshot in which an entry is waiting, sealed or neither, so traffic and
sealers may go on. What it cannot prove: an entry that was altered or removed, with its row of
``Unsealed``, before it was sealed; and, from the database alone, that somebody did not cut off the
newest seals together with their entries. The ``audit_sealed`` lines of the log prove that.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from django.db import connection
from django.db.models import Max, Sum

from trustengine.audit.chain import check_seals
from trustengine.audit.models import Entry, Seal, Verification
from trustengine.audit.problems import Kind, Problem

SEALS_PER_BATCH = 25
POSITIONS_PER_BATCH = 50_000
MOST_NAMED = 1_000
EXAMPLES_KEPT = 20

NEXT_POSITION = """
    SELECT max(position) FROM (
        SELECT position FROM audit_entry WHERE position > %s ORDER BY position LIMIT %s
    ) AS batch
"""
# A set operation, because an anti-join over arrays is planned as a nested loop while statistics are young. A seal that
# names a position lies around it, so those that do not are not unpacked.
NEITHER_SEALED_NOR_WAITING = """
    SELECT id FROM audit_entry WHERE position > %(after)s AND position <= %(until)s
    EXCEPT
    SELECT unnest(entry_ids) FROM audit_seal WHERE first_position <= %(until)s AND last_position > %(after)s
    EXCEPT
    SELECT entry_id FROM audit_unsealed WHERE position > %(after)s AND position <= %(until)s
    ORDER BY id
"""
WAITING_WITHOUT_ENTRY = """
    SELECT waiting.entry_id FROM audit_unsealed waiting
    WHERE NOT EXISTS (SELECT FROM audit_entry entry WHERE entry.id = waiting.entry_id)
    ORDER BY waiting.position
"""
BEFORE_EVERYTHING = -(2**63)


class Progress(Protocol):
    """Where a verification tells how far it has come."""

    def begin(self, name: str, total: int | None) -> None: ...
    def advance(self, completed: int, note: str) -> None: ...
    def end(self, note: str) -> None: ...


@dataclass(frozen=True)
class Anchor:
    """A seal known from elsewhere: it must be there, with this hash."""

    number: int
    hash: bytes
    source: str


@dataclass
class Report:
    """What a verification found. ``problems`` names the first thousand, ``found`` counts all."""

    first_seal: int
    last_seal: int = 0
    last_hash: bytes = b""
    seals: int = 0
    entries: int = 0
    found: int = 0
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_intact(self) -> bool:
        return self.found == 0

    def add(self, problem: Problem) -> None:
        self.found += 1
        if len(self.problems) < MOST_NAMED:
            self.problems.append(problem)


class Silent:
    """Progress that nobody watches."""

    def begin(self, name: str, total: int | None) -> None: ...
    def advance(self, completed: int, note: str) -> None: ...
    def end(self, note: str) -> None: ...


def verify(*, first: int = 1, anchor: Anchor | None = None, progress: Progress | None = None) -> Report:
    """Verify the seals from a number on, and the entries after those of the seals before."""
    began = time.monotonic()
    progress = progress or Silent()
    report = Report(first)
    _verify_seals(report, progress)
    for problem in missing_anchors(anchor):
        report.add(problem)
    changed = {problem.entry for problem in report.problems if problem.entry}
    for problem in outside(first=first, progress=progress):
        if problem.entry not in changed:  # an entry whose position was changed has left the range of its seal
            report.add(problem)
    report.seconds = time.monotonic() - began
    return report


def _verify_seals(report: Report, progress: Progress) -> None:
    seals = Seal.objects.filter(number__gte=report.first_seal).order_by("number")
    progress.begin("sealed", seals.aggregate(total=Sum("count"))["total"] or 0)
    last = report.first_seal - 1
    while batch := list(seals.filter(number__gt=last).values_list("number", "count", "hash")[:SEALS_PER_BATCH]):
        for problem in check_seals([number for number, _, _ in batch]):
            report.add(problem)
        last, _, hashed = batch[-1]
        report.last_seal, report.last_hash = last, bytes(hashed)
        report.seals += len(batch)
        report.entries += sum(count for _, count, _ in batch)
        progress.advance(report.entries, f"{report.entries:,} entries, {report.found:,} problems")
    progress.end(f"{report.entries:,} entries in {report.seals:,} seals, {report.found:,} problems")


def missing_anchors(given: Anchor | None = None) -> Iterator[Problem]:
    """Seals that were there before, by what the caller kept or the last intact verification saw, and are not now."""
    anchors = [given] if given else []
    seen = Verification.objects.filter(problems=0, last_seal__gt=0).order_by("-at", "-pk").first()
    if seen:
        anchors.append(Anchor(seen.last_seal, bytes(seen.last_hash), f"verified {seen.at:%Y-%m-%d %H:%M} UTC"))
    head = Seal.objects.aggregate(head=Max("number"))["head"] or 0
    for anchor in anchors:
        seal = Seal.objects.filter(number=anchor.number).only("pk", "number", "hash").first()
        if seal is None:
            gone = {"seals": [min(head + 1, anchor.number), anchor.number], "known_from": anchor.source}
            yield Problem(Kind.SEAL_REMOVED, anchor.number, details=gone)
        elif bytes(seal.hash) != anchor.hash:
            details = {"expected": anchor.hash.hex(), "found": bytes(seal.hash).hex(), "known_from": anchor.source}
            yield Problem(Kind.SEAL_REPLACED, anchor.number, seal_id=seal.pk, details=details)


def outside(*, first: int = 1, progress: Progress | None = None) -> Iterator[Problem]:
    """Entries that came past the application, or whose seal is gone; and waiting ones that are gone.

    Goes by positions, batch by batch. Triggers make every entry wait for its seal in its own
    transaction: one that neither waits nor is sealed was inserted with triggers switched off,
    or has lost its seal.
    """
    progress = progress or Silent()
    before = Seal.objects.filter(number__lt=first).aggregate(last=Max("last_position"))["last"]
    after = BEFORE_EVERYTHING if before is None else before
    entries = Entry.objects.filter(position__gt=after)
    progress.begin("unsealed", entries.count())
    seen = found = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(NEXT_POSITION, [after, POSITIONS_PER_BATCH])
            (until,) = cursor.fetchone()
            if until is None:
                break
            cursor.execute(NEITHER_SEALED_NOR_WAITING, {"after": after, "until": until})
            for (entry_id,) in cursor.fetchall():
                found += 1
                yield Problem(Kind.ENTRY_INSERTED, None, entry=entry_id)
            seen, after = seen + POSITIONS_PER_BATCH, until
            progress.advance(seen, f"{found:,} neither sealed nor waiting")
        cursor.execute(WAITING_WITHOUT_ENTRY)
        for (entry_id,) in cursor.fetchall():
            yield Problem(Kind.ENTRY_REMOVED, None, entry=entry_id, details={"state": "it waited for its seal"})
    progress.end(f"{found:,} neither sealed nor waiting")


def keep(report: Report) -> Verification:
    """Remember what a verification found, for the console and for the next one."""
    return Verification.objects.create(
        first_seal=report.first_seal,
        last_seal=report.last_seal,
        last_hash=report.last_hash,
        entries=report.entries,
        problems=report.found,
        examples=[str(problem) for problem in report.problems[:EXAMPLES_KEPT]],
        seconds=round(report.seconds, 3),
    )
