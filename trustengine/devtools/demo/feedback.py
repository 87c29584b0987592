"""Who writes about what they bought, when, and what is planned to happen to it; and one bought burst."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from reviews.models import Review
from trustengine.devtools.demo.history import History
from trustengine.devtools.demo.people import new_name, new_person
from trustengine.devtools.demo.purchases import Purchase, place_order
from trustengine.devtools.demo.shops import Article
from trustengine.devtools.demo.world import World
from trustengine.devtools.demo.writing import advertise, fake_praise, rant, write

FAKES, BELIEVED = 25, 9
LATE_EDITS = 6


def plan_reviews(world: World, history: History, purchases: Sequence[Purchase]) -> None:
    """Let some buyers write about what has arrived, once per product."""
    written: set[tuple[UUID, UUID]] = set()
    for purchase in purchases:
        delivered, person = purchase.item.delivered_at, purchase.person
        key = (person.user.pk, purchase.item.product_id)
        if delivered is None or key in written or not world.chance(person.writes):
            continue
        written.add(key)
        moment = _some_days_later(world, delivered)
        trouble = 0.16 if moment > world.ago(2) else 0.035
        if world.chance(trouble):
            draft = advertise(world, purchase.article)
        elif world.chance(0.02):
            draft = rant(world, purchase.article)
        else:
            draft = write(world, purchase.article, foreign=person.foreign)
        history.submit(purchase, draft, moment)


def plan_late_edits(world: World, history: History) -> None:
    """Within the last hours some authors change approved reviews, one of them for the worse."""
    for number in range(LATE_EDITS):
        moment = world.horizon - timedelta(hours=world.rng.uniform(0.5, 9))
        history.at(moment, partial(_edit_some_review, world, history, number == 0))


def plan_burst(world: World, history: History, article: Article) -> None:
    """Bought praise: accounts of last week, one purchase each, five stars from a template within two hours.

    A moderator believes the first ones; then the pattern shows, and the rest waits.
    """
    begin = world.ago(1) + timedelta(hours=15, minutes=10)
    moments = sorted(begin + timedelta(minutes=world.rng.uniform(0, 115)) for _ in range(FAKES))
    for number, moment in enumerate(moments):
        joined = world.ago(10) + timedelta(hours=world.rng.uniform(0, 6))
        person = new_person(world, new_name(world), joined)
        ordered = joined + timedelta(minutes=world.rng.uniform(2, 30))
        [purchase] = place_order(world, person, [article], ordered, smooth=True)
        wait = timedelta(minutes=world.rng.uniform(15, 60)) if number < BELIEVED else timedelta(days=9)
        history.submit(purchase, fake_praise(world, article), moment, wait=wait)


def _edit_some_review(world: World, history: History, spoil: bool, moment: datetime) -> None:
    calm = [
        story
        for story in history.stories
        if story.review.status == Review.Status.APPROVED
        and story.pending is None
        and story.review.deleted_at is None
        and story.review.comment
        and history.standings[story.review.author_id].consecutive_approved < 5
    ]
    story = world.rng.choice(calm)
    (history.turn_into_advertising if spoil else history.reconsider)(story, moment)


def _some_days_later(world: World, delivered: datetime) -> datetime:
    """Some days after the parcel, more likely soon than late."""
    return delivered + timedelta(days=min(world.rng.lognormvariate(1.2, 0.8), 40))
