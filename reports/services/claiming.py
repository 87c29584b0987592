"""Who works on which case. A claim holds for some minutes; a heartbeat is claiming again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import Product
from reports.contents import kind_of
from reports.errors import CaseClaimed, ConflictOfInterest
from reports.models import Appeal, Case, CaseQuerySet, ContentType, Proposal
from reports.services.cases import lock_case, refresh
from reviews.models import Review, VendorReply
from trustengine.accounts.models import Membership, User
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied

PERMISSION = "reports.moderate_case"


def require_moderator(user: User) -> None:
    if not user.has_perm(PERMISSION):
        raise PermissionDenied


def decidable_by(moderator: User) -> CaseQuerySet:
    """Open cases that a moderator may decide: nothing of their own or their vendors', no appeal against themselves."""
    first = Appeal.objects.filter(case=OuterRef("pk"), state=Appeal.State.PENDING, decision__moderator=moderator)
    proposed = Proposal.objects.filter(case=OuterRef("pk"), state=Proposal.State.OPEN, proposed_by=moderator)
    open_cases: CaseQuerySet = Case.objects.open()
    return open_cases.exclude(_concerning(moderator)).exclude(Exists(first)).exclude(Exists(proposed))


def require_no_part(moderator: User, case: Case) -> None:
    """Raise ConflictOfInterest for a case about what is the moderator's own, or about their vendors' products."""
    require_no_part_in(moderator, case.content_type, case.content_id, case.author_id)


def require_no_part_in(moderator: User, content_type: str, content_id: UUID, author_id: UUID | None) -> None:
    """Raise ConflictOfInterest for content in which the moderator has a part, whatever has become of it."""
    if author_id == moderator.pk or _own_contents(moderator, content_id)[ContentType(content_type)].exists():
        raise ConflictOfInterest("You cannot decide on what is your own.")


def _own_contents(moderator: User, content_id: UUID | OuterRef) -> dict[ContentType, QuerySet[Any]]:
    """Return the content of this id, by type, where it concerns one of the moderator's vendors or reviews."""
    vendors = Membership.objects.filter(user=moderator).values("profile")
    replies = VendorReply.objects.filter(Q(vendor__in=vendors) | Q(review__author=moderator))
    return {
        ContentType.REVIEW: Review.objects.filter(pk=content_id, product__vendor__in=vendors),
        ContentType.REPLY: replies.filter(pk=content_id),
        ContentType.PRODUCT: Product.objects.filter(pk=content_id, vendor__in=vendors),
    }


def _concerning(moderator: User) -> Q:
    found = Q(author=moderator)
    for content_type, contents in _own_contents(moderator, OuterRef("content_id")).items():
        found |= Q(Exists(contents), content_type=content_type)
    return found


@transaction.atomic
def claim_next(*, moderator: User, queue: str | None = None, skipping: list[UUID] | None = None) -> Case | None:
    """Claim the most pressing case that nobody works on; None where none is left.

    Two moderators who ask at once get two cases: locked rows are passed over.
    """
    require_moderator(moderator)
    cases = decidable_by(moderator).unclaimed()
    if queue:
        cases = cases.filter(queue=queue)
    if skipping:
        cases = cases.exclude(pk__in=skipping)
    case = cases.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("-pressure", "pk").first()
    if case is not None:
        _take(case, moderator)
    return case


@transaction.atomic
def claim_case(case_id: UUID, *, moderator: User) -> Case:
    """Claim a case, or renew one's claim.

    Raises NotFound, PermissionDenied, CaseClaimed, ConflictOfInterest, InvalidTransition for a closed one.
    """
    require_moderator(moderator)
    case = _locked(case_id)
    require_no_part(moderator, case)
    if case.is_claimed and case.claimed_by_id != moderator.pk:
        raise CaseClaimed(claim_expires_at=case.claim_expires_at)
    _take(case, moderator)
    return case


@transaction.atomic
def release_case(case_id: UUID, *, moderator: User) -> Case:
    """Give one's claim up; without one, nothing changes. Raises NotFound, PermissionDenied, CaseClaimed."""
    require_moderator(moderator)
    case = lock_case(case_id)
    if case is None:
        raise NotFound
    if case.is_claimed and case.claimed_by_id != moderator.pk:
        raise CaseClaimed
    case.claimed_by, case.claim_expires_at = None, None
    case.save(update_fields=["claimed_by", "claim_expires_at", "updated_at"])
    return case


def _locked(case_id: UUID) -> Case:
    case = lock_case(case_id)
    if case is None:
        raise NotFound
    if case.state != Case.State.OPEN:
        raise InvalidTransition("This case has been closed.")
    return case


def _take(case: Case, moderator: User) -> None:
    """Give a locked case to a moderator, as it is now rather than as the last job left it."""
    kind = kind_of(case.content_type)
    refresh(case, kind, kind.get(case.content_id))
    case.claimed_by = moderator
    case.claim_expires_at = database_now() + timedelta(minutes=settings.CASE_CLAIM_MINUTES)
    case.save(update_fields=["claimed_by", "claim_expires_at", "updated_at"])
