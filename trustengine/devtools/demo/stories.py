"""A review and its revisions while their history is being told."""

from dataclasses import dataclass, field
from datetime import datetime

from orders.models import OrderItem
from reports.models import Case
from reviews.models import Review, ReviewRevision
from reviews.services.purchase import snapshot
from trustengine.devtools.demo.purchases import Purchase, status_on
from trustengine.devtools.demo.world import World
from trustengine.devtools.demo.writing import Draft


@dataclass
class Story:
    """A review, its revisions so far, and what its author last wrote."""

    review: Review
    purchase: Purchase
    draft: Draft
    revisions: list[ReviewRevision] = field(default_factory=list)
    published_at: datetime | None = None
    case: Case | None = None  # on which its text waits for a moderator

    @property
    def pending(self) -> ReviewRevision | None:
        """The revision that waits for a decision."""
        last = self.revisions[-1]
        waits = last.state == ReviewRevision.State.PENDING and self.review.deleted_at is None
        return last if waits else None


def new_story(world: World, purchase: Purchase, draft: Draft, moment: datetime) -> Story:
    """A review at the moment at which it is submitted, with the purchase as it stood then."""
    draft = draft.cleaned()
    then = {
        "order_status": status_on(purchase.companions, moment),
        "fulfilment_status": OrderItem.Fulfilment.DELIVERED,
    }
    review = Review(
        id=world.uuid(moment),
        product=purchase.article.product,
        author=purchase.person.user,
        order_item=purchase.item,
        rating=draft.rating,
        title=draft.title,
        comment=draft.comment,
        verification=Review.Verification.DELIVERED,
        purchase=snapshot(purchase.item) | then,
        created_at=moment,
    )
    return Story(review, purchase, draft)


def new_revision(world: World, story: Story, moment: datetime) -> ReviewRevision:
    """What the author wants to say from this moment on."""
    revision = ReviewRevision(
        id=world.uuid(moment),
        review=story.review,
        number=len(story.revisions) + 1,
        rating=story.draft.rating,
        title=story.draft.title,
        comment=story.draft.comment,
        created_at=moment,
    )
    story.revisions.append(revision)
    return revision
