"""What cases are about: reviews, replies and products, each behind the same few verbs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import F, Model

from orders.models import Product
from orders.services.moderation import (
    hide_product,
    lock_product,
    moderation_state,
    put_back_product,
    remove_product,
    restore_product,
)
from reports.errors import CaseChanged
from reports.listings import LISTING_SEEN, concern_about
from reports.models import Action, ContentType
from reviews.errors import ReviewNotFound
from reviews.models import Restriction, Review, VendorReply
from reviews.services import approve_review, hide_review, reject_review, restore_review
from reviews.services.finding import is_visible
from reviews.services.mementos import put_back_reply, put_back_review
from reviews.services.reply_moderation import approve_reply, hide_reply, reject_reply, restore_reply
from reviews.services.restriction import lift_restriction, restrict_review
from reviews.services.takedown import bring_back_reply, bring_back_review, remove_reply, remove_review
from trustengine.accounts.access import is_member
from trustengine.accounts.models import User
from trustengine.errors import DomainError, InvalidInput, InvalidTransition, NotFound

Memento = dict[str, Any]


def _by(service: Callable[..., Any]) -> Callable[..., None]:
    """A service that needs no ground, as an action on a content."""

    def act(content: Any, *, actor: User | None, reason: str, ground: str) -> None:
        service(content.pk, actor=actor, reason=reason)

    return act


def _on_ground(service: Callable[..., Any]) -> Callable[..., None]:
    """A service that names the ground, as an action on a content."""

    def act(content: Any, *, actor: User | None, reason: str, ground: str) -> None:
        service(content.pk, actor=actor, reason=reason, ground=ground)

    return act


class Kind(ABC):
    """How one type of content is found, shown, counted and acted on."""

    name: ClassVar[ContentType]
    label: ClassVar[str]  # of the model, as the audit names it
    model: ClassVar[type[Model]]
    actions: ClassVar[Mapping[str, Callable[..., Any]]]
    not_found: ClassVar[type[DomainError]] = NotFound

    def get(self, content_id: UUID) -> Any:
        """The row, or None; withdrawn ones are gone."""
        return self.all().filter(pk=content_id).first()

    def all(self) -> Any:
        return self.model._default_manager.all()

    def count(self, content_id: UUID, step: int) -> None:
        """Move ``report_count``, whatever has become of the content."""
        self.model._default_manager.filter(pk=content_id).update(report_count=F("report_count") + step)

    @abstractmethod
    def is_visible(self, content: Any, viewer: User | None) -> bool: ...

    @abstractmethod
    def snapshot(self, content: Any) -> dict[str, Any]:
        """The content as evidence: what was shown, and as which version."""

    @abstractmethod
    def author_id(self, content: Any) -> UUID | None: ...

    @abstractmethod
    def vendor_id(self, content: Any) -> UUID:
        """Whose product it is about."""

    @abstractmethod
    def is_own(self, content: Any, user: User) -> bool:
        """Whether the content is the user's, or of a vendor that they belong to."""

    @abstractmethod
    def put_back(self, content_id: UUID, *, before: Memento, after: Memento, actor: User | None) -> None:
        """Undo a decision exactly. Raises CaseChanged if something has happened since."""

    def memento(self, content: Any) -> Memento:
        """The state that a decision made elsewhere than in the services of reviews may change."""
        return {}

    def waits(self, content: Any) -> bool:
        """Whether a text of it waits for a decision."""
        return False

    def exposure(self, content: Any) -> int:
        """A stand-in for how many people see it."""
        return 0

    def apply(self, content: Any, *, action: str, actor: User | None, reason: str, ground: str) -> None:
        """Carry out an action that touches the content. Raises InvalidTransition for one that it does not know."""
        verb = self.actions.get(action)
        if verb is None:
            raise InvalidTransition(f"A {self.name} cannot be decided on by “{action}”.")
        verb(content, actor=actor, reason=reason, ground=ground)


class Reviews(Kind):
    name = ContentType.REVIEW
    label = "reviews.review"
    model = Review
    not_found = ReviewNotFound

    def all(self) -> Any:
        return Review.objects.live().select_related("product")

    def is_visible(self, content: Review, viewer: User | None) -> bool:
        return is_visible(content, viewer)

    def snapshot(self, content: Review) -> dict[str, Any]:
        last = content.revisions.order_by("-number").values_list("number", flat=True).first()
        shown = {name: getattr(content, name) for name in ("rating", "title", "comment", "status", "edit_count")}
        return {**shown, "revision": last, "product": str(content.product_id)}

    def author_id(self, content: Review) -> UUID | None:
        return content.author_id

    def vendor_id(self, content: Review) -> UUID:
        return content.product.vendor_id

    def is_own(self, content: Review, user: User) -> bool:
        return content.author_id == user.pk

    def put_back(self, content_id: UUID, *, before: Memento, after: Memento, actor: User | None) -> None:
        put_back_review(content_id, before=before, after=after, actor=actor, reason="undone")

    def waits(self, content: Review) -> bool:
        return Review.objects.pending().filter(pk=content.pk).exists()

    def exposure(self, content: Review) -> int:
        beside = Review.objects.counted().filter(product=content.product_id)[:1_000].count()
        return content.helpful_votes + content.unhelpful_votes + beside

    @staticmethod
    def _restore(review: Review, *, actor: User | None, reason: str, ground: str) -> None:
        if review.restricted_at is not None:
            lift_restriction(review.pk, actor=actor, reason=reason)
        if review.removed_at is not None:
            bring_back_review(review.pk, actor=actor, reason=reason)
        if review.is_hidden:
            restore_review(review.pk, actor=actor, reason=reason)

    @staticmethod
    def _restrict(review: Review, *, actor: User | None, reason: str, ground: str) -> None:
        why = Restriction.Ground.MANIPULATED_RATING if reason == "fake" else Restriction.Ground.ACCOUNT_UNDER_REVIEW
        restrict_review(review.pk, actor=actor, ground=why, reason=reason)

    actions = {
        Action.APPROVE: _by(approve_review),
        Action.REJECT: _by(reject_review),
        Action.HIDE: _by(hide_review),
        Action.RESTORE: _restore,
        Action.REMOVE: _on_ground(remove_review),
        Action.RESTRICT: _restrict,
    }


class Replies(Kind):
    name = ContentType.REPLY
    label = "reviews.vendorreply"
    model = VendorReply

    def all(self) -> Any:
        """Live replies to live reviews: with its review, a reply is gone too."""
        return VendorReply.objects.live().filter(review__deleted_at=None).select_related("review__product")

    def is_visible(self, content: VendorReply, viewer: User | None) -> bool:
        if content.is_public and is_visible(content.review, None):
            return True
        return viewer is not None and viewer.has_perm("reviews.moderate_review")

    def snapshot(self, content: VendorReply) -> dict[str, Any]:
        last = content.revisions.order_by("-number").values_list("number", flat=True).first()
        return {"text": content.text, "status": content.status, "revision": last, "review": str(content.review_id)}

    def author_id(self, content: VendorReply) -> UUID | None:
        return content.revisions.order_by("-number").values_list("author", flat=True).first()

    def vendor_id(self, content: VendorReply) -> UUID:
        return content.vendor_id

    def is_own(self, content: VendorReply, user: User) -> bool:
        return is_member(user, content.vendor_id)

    def put_back(self, content_id: UUID, *, before: Memento, after: Memento, actor: User | None) -> None:
        put_back_reply(content_id, before=before, after=after, actor=actor, reason="undone")

    def waits(self, content: VendorReply) -> bool:
        return VendorReply.objects.pending().filter(pk=content.pk).exists()

    @staticmethod
    def _restore(reply: VendorReply, *, actor: User | None, reason: str, ground: str) -> None:
        if reply.removed_at is not None:
            bring_back_reply(reply.pk, actor=actor, reason=reason)
        if reply.is_hidden:
            restore_reply(reply.pk, actor=actor, reason=reason)

    actions = {
        Action.APPROVE: _by(approve_reply),
        Action.REJECT: _by(reject_reply),
        Action.HIDE: _by(hide_reply),
        Action.RESTORE: _restore,
        Action.REMOVE: _on_ground(remove_reply),
    }


class Products(Kind):
    """Listings. Hidden or removed, none is read or sold, whatever its vendor does; ``orders.services.moderation``."""

    name = ContentType.PRODUCT
    label = "orders.product"
    model = Product

    def is_visible(self, content: Product, viewer: User | None) -> bool:
        return not content.is_moderated or (viewer is not None and viewer.has_perm("reports.moderate_case"))

    def snapshot(self, content: Product) -> dict[str, Any]:
        shown = {name: getattr(content, name) for name in ("title", "description", "price_cents", "currency")}
        status = "removed" if content.removed_at else "hidden" if content.is_hidden else "shown"
        return {**shown, "is_active": content.is_active, "status": status, "revision": content.listing_version}

    def author_id(self, content: Product) -> UUID | None:
        return None

    def vendor_id(self, content: Product) -> UUID:
        return content.vendor_id

    def is_own(self, content: Product, user: User) -> bool:
        return is_member(user, content.vendor_id)

    def memento(self, content: Product) -> Memento:
        """The moderators' state, and the version of the listing that was judged, which no undo touches."""
        return {**moderation_state(content), LISTING_SEEN: content.listing_version}

    def put_back(self, content_id: UUID, *, before: Memento, after: Memento, actor: User | None) -> None:
        if "is_hidden" not in before:  # a decision of 0.1.0, which moved the vendor's own column
            restore_product(content_id, actor=actor, reason="undone")
            Product.objects.filter(pk=content_id).update(is_active=before["is_active"])
            return
        state, left = (_without_version(memento) for memento in (before, after))
        if moderation_state(lock_product(content_id)) != left:
            raise CaseChanged
        put_back_product(content_id, state, actor=actor, reason="undone")

    def waits(self, content: Product) -> bool:
        return concern_about(content) is not None

    actions = {
        Action.HIDE: _by(hide_product),
        Action.RESTORE: _by(restore_product),
        Action.REMOVE: _on_ground(remove_product),
    }


def _without_version(memento: Memento) -> Memento:
    return {name: value for name, value in memento.items() if name != LISTING_SEEN}


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Reviews(), Replies(), Products())}


def kind_of(content_type: str) -> Kind:
    """Raises InvalidInput for what cannot be reported."""
    if content_type not in KINDS:
        raise InvalidInput(fields={"content_type": f"One of {', '.join(KINDS)}."})
    return KINDS[content_type]
