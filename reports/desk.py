"""Cases as they lie on a moderator's desk: a page with all that belongs to it, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.urls import reverse

from orders.models import Product
from reports.models import Appeal, Case, ContentType, Decision, Proposal, Report
from reports.priority import age_part, priority, reliability, told
from reports.serializers.decisions import person
from reviews.models import ReplyRevision, Review, ReviewRevision, VendorReply
from reviews.models.reputation import START
from trustengine.accounts.models import User
from trustengine.admin.identities import SEE_IDENTITIES

REPORTS_SHOWN = 20
DECISIONS_SHOWN = 20
Values = dict[str, Any]
Key = tuple[str, UUID]


def on_desk(cases: Sequence[Case], *, viewer: User) -> list[Values]:
    """What ``CaseOutput`` shows of each case, in their order."""
    contents = _contents(cases, viewer)
    reports = _reports(cases, viewer)
    return [_shown(case, contents.get(_key(case)), reports.get(_key(case), []), viewer) for case in cases]


def in_full(case: Case, *, viewer: User) -> Values:
    """What ``CaseDetailOutput`` shows."""
    about = {"content_type": case.content_type, "content_id": case.content_id}
    return {
        **on_desk([case], viewer=viewer)[0],
        "decisions": list(
            with_words(Decision.objects.filter(**about)).order_by("-created_at", "-pk")[:DECISIONS_SHOWN]
        ),
        "proposal": open_proposals().filter(case=case).first(),
        "appeals": list(with_decision(Appeal.objects.filter(case=case)).order_by("created_at", "pk")),
    }


def with_words(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    return decisions.select_related("moderator", "text", "superseded_by")


def with_decision(appeals: QuerySet[Appeal]) -> QuerySet[Appeal]:
    named = [f"decision__{name}" for name in ("moderator", "text", "superseded_by")]
    return appeals.select_related("appellant", *named)


def open_proposals() -> QuerySet[Proposal]:
    return Proposal.objects.filter(state=Proposal.State.OPEN).select_related("proposed_by")


def _key(case: Case) -> Key:
    return case.content_type, case.content_id


def _shown(case: Case, content: Values | None, reports: list[Values], viewer: User) -> Values:
    signals = content.pop("signals") if content else []
    claimed = case.is_claimed
    return {
        "id": case.pk,
        "version": case.version,
        "queue": case.queue,
        "state": case.state,
        "priority": priority(case.pressure),
        "parts": [*case.parts, *told([age_part(case.opened_at)])],
        "content_type": case.content_type,
        "content_id": case.content_id,
        "content": content,
        "claimed_by": person(case.claimed_by, viewer) if claimed else None,
        "claim_expires_at": case.claim_expires_at if claimed else None,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
        "reports": reports,
        "signals": signals,
    }


def _contents(cases: Iterable[Case], viewer: User) -> dict[Key, Values]:
    ids: dict[str, list[UUID]] = defaultdict(list)
    authors: dict[Key, User | None] = {}
    for case in cases:
        ids[case.content_type].append(case.content_id)
        authors[_key(case)] = case.author
    found: dict[Key, Values] = {}
    for review in _reviews(ids[ContentType.REVIEW]):
        found[ContentType.REVIEW, review.pk] = _review(review)
    for reply in _replies(ids[ContentType.REPLY]):
        found[ContentType.REPLY, reply.pk] = _reply(reply)
    for product in Product.objects.filter(pk__in=ids[ContentType.PRODUCT]):
        found[ContentType.PRODUCT, product.pk] = _product(product)
    for key, content in found.items():
        content["author"] = _author(authors[key], viewer)
    return found


def _reviews(ids: Sequence[UUID]) -> QuerySet[Review]:
    revisions = ReviewRevision.objects.select_related("screening").order_by("number")
    live = Review.objects.live().filter(pk__in=ids).select_related("product")
    return live.prefetch_related(Prefetch("revisions", revisions))


def _replies(ids: Sequence[UUID]) -> QuerySet[VendorReply]:
    live = VendorReply.objects.live().filter(pk__in=ids).select_related("review__product")
    return live.prefetch_related(Prefetch("revisions", ReplyRevision.objects.order_by("number")))


def _review(review: Review) -> Values:
    revisions = list(review.revisions.all())
    waiting = next((each for each in revisions if each.state == ReviewRevision.State.PENDING), None)
    looked_at = waiting or (revisions[-1] if revisions else None)
    screening = getattr(looked_at, "screening", None)
    return {
        "product": review.product_id,
        "product_title": review.product.title,
        "rating": review.rating,
        "title": review.title,
        "text": review.comment,
        "status": review.status,
        "is_public": review.is_public,
        "is_hidden": review.is_hidden,
        "is_restricted": review.restricted_at is not None,
        "is_removed": review.removed_at is not None,
        "report_count": review.report_count,
        "waiting": waiting and _waiting(waiting, waiting.rating, waiting.title, waiting.comment),
        "created_at": review.created_at,
        "signals": screening.signals if screening else [],
    }


def _reply(reply: VendorReply) -> Values:
    revisions = list(reply.revisions.all())
    waiting = next((each for each in revisions if each.state == ReplyRevision.State.PENDING), None)
    looked_at = waiting or (revisions[-1] if revisions else None)
    return {
        "product": reply.review.product_id,
        "product_title": reply.review.product.title,
        "rating": None,
        "title": "",
        "text": reply.text,
        "status": reply.status,
        "is_public": reply.is_public and reply.review.is_public,
        "is_hidden": reply.is_hidden,
        "is_restricted": False,
        "is_removed": reply.removed_at is not None,
        "report_count": reply.report_count,
        "waiting": waiting and _waiting(waiting, None, "", waiting.text),
        "created_at": reply.created_at,
        "signals": (looked_at and looked_at.signals) or [],
    }


def _product(product: Product) -> Values:
    return {
        "product": product.pk,
        "product_title": product.title,
        "rating": None,
        "title": product.title,
        "text": product.description,
        "status": "active" if product.is_active else "inactive",
        "is_public": product.is_offered,
        "is_hidden": product.is_hidden,
        "is_restricted": False,
        "is_removed": product.removed_at is not None,
        "report_count": product.report_count,
        "waiting": None,
        "created_at": product.created_at,
        "signals": [],
    }


def _waiting(revision: ReviewRevision | ReplyRevision, rating: int | None, title: str, text: str) -> Values:
    created_at = revision.created_at
    return {"number": revision.number, "rating": rating, "title": title, "text": text, "created_at": created_at}


def _author(author: User | None, viewer: User) -> Values | None:
    known = person(author, viewer)
    if author is None or known is None:
        return None
    standing = getattr(author, "reputation", None)
    return {
        **known,
        "score": standing.score if standing else START,
        "approved": standing.approved if standing else 0,
        "rejected": standing.rejected if standing else 0,
        "warnings": standing.warnings_count if standing else 0,
        "is_suspended": author.is_suspended,
    }


def _reports(cases: Iterable[Case], viewer: User) -> dict[Key, list[Values]]:
    about = Q(pk__in=[])
    for content_type in ContentType.values:
        ids = [case.content_id for case in cases if case.content_type == content_type]
        if ids:
            about |= Q(content_type=content_type, content_id__in=ids)
    place = Window(RowNumber(), ["content_type", "content_id"], [F("created_at").desc(), F("pk").desc()])
    latest = Report.objects.standing().filter(about).annotate(place=place).filter(place__lte=REPORTS_SHOWN)
    related = latest.select_related("reporter__reporter_record").prefetch_related("evidence")
    sees = viewer.has_perm(SEE_IDENTITIES)
    found: dict[Key, list[Values]] = defaultdict(list)
    for report in related.order_by("-created_at", "-pk"):
        found[report.content_type, report.content_id].append(_report(report, viewer, sees))
    return found


def _report(report: Report, viewer: User, sees_identities: bool) -> Values:
    return {
        "id": report.pk,
        "reason": report.reason_id,
        "description": report.description,
        "status": report.status,
        "reliability": round(reliability(getattr(report.reporter, "reporter_record", None)), 2),
        "reporter": person(report.reporter, viewer) if sees_identities else None,
        "snapshot": report.snapshot,
        "evidence": [
            {
                "id": each.pk,
                "kind": each.kind,
                "byte_count": each.byte_count,
                "page_count": each.page_count,
                "url": reverse("moderation-evidence", args=[each.pk]),
            }
            for each in report.evidence.all()
        ],
        "created_at": report.created_at,
    }
