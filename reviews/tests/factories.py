"""Reviews for tests, made by the services that make them in life."""

from typing import Any

from django.contrib.auth.models import Group

from orders.models import OrderItem, Product
from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews.models import Review, VendorReply
from reviews.services import approve_review, submit_review, write_reply
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory


def moderator() -> User:
    """A new member of the group Moderators."""
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name="Moderators"))
    return user


def delivered_purchase(buyer: User | None = None, product: Product | None = None, **fields: Any) -> OrderItem:
    """An item that its buyer may review."""
    return OrderItemFactory(
        delivered=True, order__buyer=buyer or UserFactory(), product=product or ProductFactory(), **fields
    )


def buyer_of(item: OrderItem) -> User:
    assert item.order.customer.user is not None
    return item.order.customer.user


def pending_review(item: OrderItem | None = None, **content: Any) -> Review:
    """A review as just submitted."""
    item = item or delivered_purchase()
    content = {"rating": 4, "title": "Good", "comment": "Does what it should."} | content
    return submit_review(author=buyer_of(item), product_id=item.product_id, order_id=item.order_id, **content).review


def approved_review(item: OrderItem | None = None, **content: Any) -> Review:
    """A review that a rule has approved, so public and counted."""
    return approve_review(pending_review(item, **content).pk, actor=None)


def pending_reply(review: Review | None = None, text: str = "Thank you.") -> VendorReply:
    """The vendor's reply to a public review, as just written."""
    review = review or approved_review()
    member = MembershipFactory(profile=review.product.vendor, role="manager").user
    return write_reply(review.pk, member=member, text=text).reply
