"""Whether a moderator should look at a listing because of what its vendor has made of it.

Three things are a concern, each until a decision names the version that it was about:

- A product that moderators have hidden or removed is rewritten, or offered again.
- A product is rewritten under its reviews: another currency, or a title or a description that
  is less alike than ``LISTING_LIKENESS`` percent to what the first review was about. Former
  versions count too, so that many small steps, or a step there and back, are no way round.
- A listing says what a moderated one of the same vendor says: it has been posted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.conf import settings
from django.db.models import Max, QuerySet
from rapidfuzz import fuzz

from orders.models import FormerListing, Product
from reports.models import Action, ContentType, Decision
from reviews.models import Review
from trustengine.text import normalised

LISTING_SEEN = "listing_version"  # in the mementos of decisions about products
VERSIONS_COMPARED = 20
PRODUCTS_COMPARED = 200
UNALIKE, RELISTED, RELISTED_COPY = "rewritten", "relisted", "posted_again"

Listing = Product | FormerListing


@dataclass(frozen=True)
class Concern:
    """Why a listing is to be looked at, in words for moderators, and what it said before."""

    code: str
    words: str
    before: Listing | None = None


def concern_about(product: Product) -> Concern | None:
    """Why somebody should look at a listing; None where nobody has to."""
    checked = version_decided_on(product)
    if checked >= product.listing_version:
        return None
    versions = _versions(product, after=checked)
    if product.is_moderated:
        concern = _after_takedown(product, versions)
    else:
        concern = _under_reviews(product, checked) or _posted_again(product)
    return concern


def version_decided_on(product: Product) -> int:
    """The latest version of a listing that a standing decision was about; 0 where there is none."""
    seen = _standing_decisions(product).values_list("after", flat=True)
    return max((after.get(LISTING_SEEN, 0) for after in seen), default=0)


def likeness(before: str, after: str) -> int:
    """How alike two texts are, in percent: letters apart from case and spacing, in any order of words."""
    texts = [" ".join(normalised(text).casefold().split()) for text in (before, after)]
    return round(max(fuzz.ratio(*texts), fuzz.token_sort_ratio(*texts)))


def listing_before(product: Product) -> Listing | None:
    """What moderators compare a listing with: the version that was decided on, or that its first review was about."""
    number = max(version_decided_on(product), _version_reviewed(product))
    return product.former_listings.filter(number=number).first()


def _standing_decisions(product: Product) -> QuerySet[Decision]:
    decisions = Decision.objects.filter(content_type=ContentType.PRODUCT, content_id=product.pk)
    return decisions.exclude(action__in=[Action.UNDO, Action.OVERTURN]).exclude(superseded_by__action=Action.UNDO)


def _after_takedown(product: Product, versions: Sequence[Listing]) -> Concern | None:
    texts = {(each.title, each.description, each.currency) for each in versions}
    if len(texts) > 1:
        return Concern(UNALIKE, "a moderated listing was rewritten by its vendor", versions[0])
    offered = [each.is_active for each in versions]
    if any(later and not earlier for earlier, later in pairwise(offered)):
        return Concern(RELISTED, "a moderated listing was put on offer again by its vendor", versions[0])
    return None


def _under_reviews(product: Product, checked: int) -> Concern | None:
    reviewed = _version_reviewed(product)
    if not reviewed:
        return None
    base, *later = _versions(product, after=max(checked, reviewed))
    for each in later:
        if each.currency != base.currency:
            return Concern(UNALIKE, f"its currency was changed under its reviews, from {base.currency}", base)
        for name in ("title", "description"):
            alike = likeness(getattr(base, name), getattr(each, name))
            if getattr(base, name) and alike < settings.LISTING_LIKENESS:
                return Concern(UNALIKE, f"its {name} was rewritten under its reviews: {alike} % alike", base)
    return None


def _posted_again(product: Product) -> Concern | None:
    others = Product.objects.moderated().filter(vendor=product.vendor_id).exclude(pk=product.pk).order_by("-pk")
    written = product.former_listings.aggregate(last=Max("replaced_at"))["last"] or product.created_at
    for other in others[:PRODUCTS_COMPARED]:
        taken_down = _standing_decisions(other).filter(action__in=[Action.HIDE, Action.REMOVE])
        if not taken_down.filter(created_at__lt=written).exists():
            continue  # it said so before: a sibling, such as another colour, is no way round a takedown
        if any(_says_the_same(product, each) for each in _versions(other, after=version_decided_on(other))):
            return Concern(RELISTED_COPY, "it says what a moderated listing of the same vendor says", other)
    return None


def _says_the_same(product: Product, other: Listing) -> bool:
    alike = likeness(other.title, product.title)
    if other.description and product.description:
        alike = round((alike + likeness(other.description, product.description)) / 2)
    return alike >= settings.LISTING_COPY_LIKENESS


def _version_reviewed(product: Product) -> int:
    """The version of a listing that its first review was about; 0 without a review."""
    first = Review.objects.live().filter(product=product).order_by("created_at").values_list("created_at", flat=True)
    written = first.first()
    if written is None:
        return 0
    later = product.former_listings.filter(replaced_at__gt=written).order_by("number").values_list("number", flat=True)
    return later.first() or product.listing_version


def _versions(product: Product, *, after: int) -> list[Listing]:
    """The version numbered so, or the first one, and the latest ones that followed, the present last."""
    base = list(product.former_listings.filter(number__gte=after).order_by("number")[:1])
    later = product.former_listings.filter(number__gt=base[0].number if base else after).order_by("-number")
    return [*base, *reversed(later[:VERSIONS_COMPARED]), product]
