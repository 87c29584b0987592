"""Say which text a decision is about: its product, title, date and first words, as they were judged or reported."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone

from orders.models import Product
from reports.contents import kind_of
from reports.listings import LISTING_SEEN
from reports.models import ContentType, Decision, Report
from reviews.models import Review, VendorReply

QUOTED = 200
APPROVED = "approved"


def text_judged(decision: Decision) -> dict[str, Any]:
    """What a decision was about, for its author; empty where the content is gone for good."""
    content = _row(decision.content_type, decision.content_id)
    if content is None:
        return {}
    if isinstance(content, Product):
        number = decision.after.get(LISTING_SEEN, content.listing_version)
        listing = content.former_listings.filter(number=number).first() or content
        return _told(content, content.pk, listing.title, "", listing.description, content.created_at)
    revision = content.revisions.filter(number=_number_judged(decision)).first()
    text = revision or content
    words = text.text if isinstance(content, VendorReply) else text.comment
    return _told(_product(content), None, "", getattr(text, "title", ""), words, text.created_at)


def text_reported(report: Report) -> dict[str, Any]:
    """What a report was about, as its reporter saw it; empty once it has been erased."""
    content = _row(report.content_type, report.content_id)
    if content is None or not report.snapshot:
        return {}
    seen = report.snapshot
    if isinstance(content, Product):
        return _told(content, content.pk, seen.get("title", ""), "", seen.get("description", ""), content.created_at)
    words = seen.get("text") or seen.get("comment") or ""
    return _told(_product(content), None, "", seen.get("title", ""), words, content.created_at)


def _row(content_type: str, content_id: Any) -> Any:
    """The content, withdrawn or not: whoever is told of a decision is told what it was about."""
    model: type[Model] = kind_of(content_type).model
    return model._default_manager.filter(pk=content_id).first()


def _product(content: Review | VendorReply) -> Product:
    return content.product if isinstance(content, Review) else content.review.product


def _told(
    product: Product, own: Any, product_title: str, title: str, words: str, written_at: datetime
) -> dict[str, Any]:
    quoted = " ".join(words.split())
    return {
        "product": str(own or product.pk),
        "product_title": " ".join((product_title or product.title).split()),
        "title": " ".join(title.split()),
        "quotation": f"{quoted[: QUOTED - 1].rstrip()}…" if len(quoted) > QUOTED else quoted,
        "written_at": written_at.isoformat(),
    }


def _number_judged(decision: Decision) -> int | None:
    """The text that was decided about: what changed its state, else what was shown, else the latest."""
    before, after = (_states(memento) for memento in (decision.before, decision.after))
    changed = [number for number, state in after.items() if before.get(number, state) != state]
    shown = [number for number, state in after.items() if state == APPROVED]
    numbers = changed or shown or list(after)
    return max(numbers, default=None)


def _states(memento: Mapping[str, Any]) -> dict[int, str]:
    return {int(number): state[0] for number, state in memento.get("revisions", {}).items()}


def in_words(about: Mapping[str, Any], content_type: str) -> str:
    """The same as lines of a mail; empty where nothing is known any more."""
    if not about:
        return ""
    written = timezone.localtime(datetime.fromisoformat(about["written_at"]))
    day = f"{written.day} {written:%B %Y}"
    product = f"“{about['product_title']}”"
    if content_type == ContentType.PRODUCT:
        lines = [f"It is about: the product {product}, offered since {day}."]
    else:
        titled = f", titled “{about['title']}”" if about["title"] else ""
        what = "the review of" if content_type == ContentType.REVIEW else "the reply to a review of"
        lines = [f"It is about: {what} {product} of {day}{titled}."]
    if about["quotation"]:
        lines.append(f"It says: “{about['quotation']}”")
    return "\n".join(lines)
