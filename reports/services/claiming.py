"""Who works on which case. A claim holds for some minutes; a heartbeat is claiming again."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from orders.models import Product
from reports.errors import CaseClaimed
from reports.models import Appeal, Case, ContentType, Proposal
from reports.services.cases import lock_case
from reviews.models import Review, VendorReply
from trustengine.accounts.models import Membership, User
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied

PERMISSION = "reports.moderate_case"


def require_moderator(user: User) -> None:
    if not user.has_perm(PERMISSION):
        raise PermissionDenied


def decidable_by(moderator: User) -> QuerySet[Case]:
    """Open cases that a moderator may decide: nothing of their own or their vendors', no appeal against themselves."""
    vendors = Membership.objects.filter(user=moderator).values("profile")
    reviews = Review.objects.filter(pk=OuterRef("content_id"), product__vendor__in=vendors)
    replies = VendorReply.objects.filter(pk=OuterRef("content_id"), vendor__in=vendors)
    products = Product.objects.filter(pk=OuterRef("content_id"), vendor__in=vendors)
    own = (
        Q(author=moderator)
        | (Q(content_type=ContentType.REVIEW) & Exists(reviews))
        | (Q(content_type=ContentType.REPLY) & Exists(replies))
        | (Q(content_type=ContentType.PRODUCT) & Exists(products))
    )
    first = Appeal.objects.filter(case=OuterRef("pk"), state=Appeal.State.PENDING, decision__moderator=moderator)
    proposed = Proposal.objects.filter(case=OuterRef("pk"), state=Proposal.State.OPEN, proposed_by=moderator)
    return Case.objects.open().exclude(own).exclude(Exists(first)).exclude(Exists(proposed))


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
    """Claim a case, or renew one's claim. Raises NotFound, PermissionDenied, CaseClaimed, InvalidTransition."""
    require_moderator(moderator)
    case = _locked(case_id)
    if case.is_claimed and case.claimed_by_id != moderator.pk:
        raise CaseClaimed(claimed_by=str(case.claimed_by), claim_expires_at=case.claim_expires_at)
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
    case.claimed_by = moderator
    case.claim_expires_at = timezone.now() + timedelta(minutes=settings.CASE_CLAIM_MINUTES)
    case.save(update_fields=["claimed_by", "claim_expires_at", "updated_at"])
