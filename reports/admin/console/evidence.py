"""Everything that belongs to one case: what it is about, who says what, and what was decided before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils.safestring import SafeString

from orders.models import FormerListing, Product
from reports.admin.console.choices import fitting, name_of_type, reasons
from reports.contents import kind_of
from reports.listings import concern_about, listing_before
from reports.models import Action, Appeal, Case, ContentType, Decision, Proposal, Report, ReporterRecord
from reports.priority import NEUTRAL, age_part, priority, reliability, told
from reports.services.proposals import PERMISSION as APPROVE_PROPOSAL
from reviews.admin.decision_page import changed, histogram
from reviews.admin.differences import difference
from reviews.admin.reputation import explained
from reviews.admin.waiting import signals_of
from reviews.models import ProductRating, ReplyRevision, Review, ReviewRevision, Strike, VendorReply
from reviews.reputation import standing_of
from trustengine.accounts.models import User
from trustengine.admin.identities import SEE_IDENTITIES
from trustengine.database_time import database_now

FEW = 6
REPORTS_SHOWN = 20
Context = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A report as moderators read it; ``reporter`` is None for those who may not know."""

    report: Report
    reporter: User | None
    weight: str


def case_context(case: Case, viewer: User) -> Context:
    """What the middle and the right of the page show, in a number of queries that does not grow with the case."""
    kind = kind_of(case.content_type)
    content = kind.get(case.content_id)
    about = {"content_type": case.content_type, "content_id": case.content_id}
    every = Report.objects.standing().filter(**about)
    reports = list(
        every.select_related("reason", "reporter")
        .prefetch_related("evidence")
        .order_by("-created_at", "-pk")[:REPORTS_SHOWN]
    )
    waits = content is not None and kind.waits(content)
    gravest = every.filter(status=Report.Status.PENDING).order_by("-reason__severity", "-created_at", "-pk").first()
    return {
        "case": case,
        "content": content,
        "kind_name": name_of_type(case.content_type),
        "is_mine": case.is_claimed and case.claimed_by_id == viewer.pk,
        "is_theirs": case.is_claimed and case.claimed_by_id != viewer.pk,
        "is_overdue": case.state == Case.State.OPEN and case.due_at < database_now(),
        "priority": priority(case.pressure),
        "parts": [*case.parts, *told([age_part(case.opened_at)])],
        "reports": list(_told_by(reports, viewer)),
        "report_count": every.count(),
        "as_reported": _as_reported(content, reports),
        **_about_content(content),
        **_about_author(case, content),
        **_history(case, viewer),
        "choices": fitting(case, content, waits=waits, is_reported=gravest is not None),
        "reasons": reasons(),
        "suggested": gravest.reason_id if gravest else "",
        "undo_seconds": settings.UNDO_SECONDS,
    }


def latest_text(case: Case) -> tuple[int, str]:
    """The number and the words of the newest text of a case's content; (0, "") where texts have no numbers."""
    if case.content_type == ContentType.REVIEW:
        revision = ReviewRevision.objects.filter(review=case.content_id).order_by("-number").first()
        return (revision.number, f"{revision.title}\n{revision.comment}".strip()) if revision else (0, "")
    if case.content_type == ContentType.REPLY:
        answer = ReplyRevision.objects.filter(reply=case.content_id).order_by("-number").first()
        return (answer.number, answer.text) if answer else (0, "")
    product = Product.objects.filter(pk=case.content_id).first()
    return (product.listing_version, _listing(product)) if product else (0, "")


def text_numbered(case: Case, number: int) -> str:
    """An earlier text of a case's content, "" where there is none."""
    if case.content_type == ContentType.REVIEW:
        revision = ReviewRevision.objects.filter(review=case.content_id, number=number).first()
        return f"{revision.title}\n{revision.comment}".strip() if revision else ""
    if case.content_type == ContentType.REPLY:
        answer = ReplyRevision.objects.filter(reply=case.content_id, number=number).first()
        return answer.text if answer else ""
    former = FormerListing.objects.filter(product=case.content_id, number=number).first()
    return _listing(former) if former else ""


def _listing(listing: Product | FormerListing) -> str:
    return f"{listing.title}\n{listing.description}".strip()


def _about_content(content: Any) -> Context:
    if isinstance(content, Review):
        return _about_review(content)
    if isinstance(content, VendorReply):
        return _about_reply(content)
    if content is None:
        return {}
    before = listing_before(content)
    return {
        "product": content,
        "concern": concern_about(content),
        "changed_listing": before
        and {name: difference(getattr(before, name), getattr(content, name)) for name in ("title", "description")},
        "seen": content.listing_version,
        "histogram": histogram(ProductRating.objects.filter(product=content.pk).first()),
    }


def _about_review(review: Review) -> Context:
    revisions = list(review.revisions.select_related("screening").order_by("-number")[:FEW])
    pending = next((each for each in revisions if each.state == ReviewRevision.State.PENDING), None)
    return {
        "review": review,
        "product": review.product,
        "pending": pending,
        "text": pending or review,
        "is_edit": pending is not None and review.status == Review.Status.APPROVED,
        "changed": changed(review, pending),
        "signals": signals_of(pending or (revisions[0] if revisions else None)),
        "seen": revisions[0].number if revisions else 0,
        "photos": list(review.photos.all()),
        "reply": VendorReply.objects.live().select_related("vendor").filter(review=review).first(),
        "histogram": histogram(ProductRating.objects.filter(product=review.product_id).first()),
    }


def _about_reply(reply: VendorReply) -> Context:
    revisions = list(reply.revisions.order_by("-number")[:FEW])
    pending = next((each for each in revisions if each.state == ReplyRevision.State.PENDING), None)
    is_edit = pending is not None and reply.status == VendorReply.Status.APPROVED
    signals = revisions[0].signals if revisions else None
    return {
        "reply": reply,
        "product": reply.review.product,
        "answered": reply.review,
        "pending": pending,
        "is_edit": is_edit,
        "changed_text": difference(reply.text, pending.text) if pending and is_edit else "",
        "signals": signals if signals is None else sorted(signals, key=lambda each: -float(each.get("weight", 0))),
        "seen": revisions[0].number if revisions else 0,
        "histogram": histogram(ProductRating.objects.filter(product=reply.review.product_id).first()),
    }


def _about_author(case: Case, content: Any) -> Context:
    if case.author_id is None:
        return {"vendor": getattr(content, "vendor", None)}
    author = User.objects.get(pk=case.author_id)
    standing = standing_of(author.pk)
    earlier = Decision.objects.filter(author=author).exclude(content_type=case.content_type, content_id=case.content_id)
    strikes = Strike.objects.active().filter(user=author)
    return {
        "author": author,
        "standing": standing,
        "reputation_parts": explained(standing.parts),
        "strikes": list(strikes.order_by("-given_at")[:FEW]),
        "strike_count": strikes.count(),
        "earlier": list(earlier.select_related("reason", "moderator").order_by("-created_at", "-pk")[:FEW]),
        "earlier_count": earlier.count(),
        "written": dict(Review.objects.filter(author=author).order_by().values_list("status").annotate(Count("pk"))),
    }


def _history(case: Case, viewer: User) -> Context:
    about = {"content_type": case.content_type, "content_id": case.content_id}
    related = ("reason", "moderator", "text", "superseded_by")
    decisions = list(
        Decision.objects.filter(**about).select_related(*related).order_by("-created_at", "-pk")[: 2 * FEW]
    )
    parts_of_appeals = ("decision__reason", "decision__moderator", "decision__text", "appellant", "ruled_by")
    every = Appeal.objects.filter(decision__content_type=case.content_type, decision__content_id=case.content_id)
    every = every.select_related(*parts_of_appeals)
    pending = list(every.filter(state=Appeal.State.PENDING).order_by("created_at", "pk")[:REPORTS_SHOWN])
    ruled = list(every.exclude(state=Appeal.State.PENDING).order_by("-ruled_at", "-pk")[:FEW])
    proposed = Proposal.objects.filter(case__content_type=case.content_type, case__content_id=case.content_id)
    proposed = proposed.select_related("reason", "proposed_by", "settled_by", "undoes__reason")
    proposal = proposed.filter(case=case, state=Proposal.State.OPEN).first()
    return {
        "decisions": [(each, _may_undo(each)) for each in decisions],
        "appeals": ruled,
        "pending_appeals": pending,
        "proposals": list(proposed.exclude(state=Proposal.State.OPEN).order_by("-created_at")[:FEW]),
        "proposal": proposal,
        "is_proposer": proposal is not None and proposal.proposed_by_id == viewer.pk,
        "may_approve": viewer.has_perm(APPROVE_PROPOSAL),
        "may_rule": viewer.has_perm("reports.rule_appeal"),
        "was_first": {each.pk for each in pending if each.decision.moderator_id == viewer.pk},
    }


def _may_undo(decision: Decision) -> bool:
    stands = not hasattr(decision, "superseded_by") and decision.action not in {Action.UNDO, Action.OVERTURN}
    return stands and decision.notice_after > database_now()


def _told_by(reports: Sequence[Report], viewer: User) -> Iterable[Shown]:
    records = ReporterRecord.objects.in_bulk([report.reporter_id for report in reports])
    sees = viewer.has_perm(SEE_IDENTITIES)
    for report in reports:
        record = records.get(report.reporter_id)
        yield Shown(report, report.reporter if sees else None, _weight(record))


def _weight(record: ReporterRecord | None) -> str:
    """How far a reporter's word has carried so far."""
    decided = record.actioned + record.dismissed if record else 0
    if record is None or not decided:
        return "first report"
    share = f"{record.actioned} of {decided} upheld"
    weight = reliability(record)
    if weight == NEUTRAL:
        return f"no clear record yet: {share}"
    return f"{'reliable' if weight > NEUTRAL else 'unreliable so far'}: {share}"


def _as_reported(content: Any, reports: Sequence[Report]) -> dict[str, SafeString | str] | None:
    """What has changed since the oldest report that waits; None where the content is still as reported."""
    pending = [report for report in reports if report.status == Report.Status.PENDING]
    if content is None or not pending:
        return None
    then = min(pending, key=lambda report: report.created_at).snapshot
    names = {Review: ("title", "comment"), VendorReply: ("text",)}.get(type(content), ("title", "description"))
    before = {name: str(then.get(name) or "") for name in names}
    now = {name: str(getattr(content, name)) for name in names}
    if before == now:
        return None
    return {"title" if name == "title" else "words": difference(before[name], now[name]) for name in names}
