"""What vendors answer to their buyers: most of it approved, the latest still waiting."""

from datetime import datetime, timedelta

from reports.models import Case
from reviews.models import ReplyRevision, VendorReply
from trustengine.accounts.models import User
from trustengine.devtools.demo.accounts import SHOP
from trustengine.devtools.demo.desk import Desk
from trustengine.devtools.demo.history import History
from trustengine.devtools.demo.shops import Article
from trustengine.devtools.demo.stories import Story
from trustengine.devtools.demo.world import World

ANSWERED = 12
THANKS = (
    "Thank you for taking the time. We have passed this on to the workshop.",
    "That makes us happy to read. Enjoy it!",
    "Thank you for the honest words. The next batch has a thicker rim.",
)
SORRY = (
    "We are sorry about this. Please write to us from your order, and we will send another one.",
    "This should not have happened: the glue of that week was bad. You will hear from us today.",
    "Thank you for telling us. We have looked at the parcel's way, and changed the carrier.",
)
State = ReplyRevision.State


def answer_reviews(world: World, history: History, articles: list[Article]) -> None:
    """Replies by owners to some public reviews; one of the accounts' shop waits for a decision."""
    owners = {article.product.pk: article.owner for article in articles}
    desk = Desk(world)
    public = [
        story for story in history.stories if story.review.is_public and story.published_at and story.draft.comment
    ]
    old = [story for story in public if story.published_at and story.published_at < world.ago(5)]
    for story in world.rng.sample(old, ANSWERED):
        assert story.published_at is not None
        written = world.later(story.published_at, hours=(3, 60))
        decided = world.later(written, hours=(1, 20))
        reply = _write(world, desk, story, owners[story.review.product_id], written)
        _approve(world, desk, reply, history.moderators[0], decided)
    own = [story for story in public if story.review.product.vendor.display_name == SHOP and story not in old] or public
    latest = max(own, key=lambda story: story.published_at or world.ago(60))
    _write(world, desk, latest, owners[latest.review.product_id], world.horizon - timedelta(hours=1.5))


def _write(
    world: World, desk: Desk, story: Story, owner: User, moment: datetime
) -> tuple[VendorReply, ReplyRevision, Case]:
    review = story.review
    text = world.rng.choice(THANKS if review.rating >= 4 else SORRY)
    about = {"id": world.uuid(moment), "text": text, "created_at": moment}
    reply = VendorReply(review=review, vendor=review.product.vendor, **about)
    revision = ReplyRevision(reply=reply, number=1, author=owner, signals=[], **(about | {"id": world.uuid(moment)}))
    world.add(reply)
    world.add(revision)
    world.touch(reply, moment)
    after = {"review": review.pk, "revision": 1, "status": reply.status}
    world.record(moment, "reply.written", reply, actor=owner, after=after)
    screened = moment + timedelta(seconds=1)
    world.record(screened, "reply.screened", reply, after={"revision": 1, "signals": []})
    return reply, revision, desk.open("reply", reply.pk, owner, Case.Queue.PENDING, screened)


def _approve(
    world: World, desk: Desk, written: tuple[VendorReply, ReplyRevision, Case], by: User, moment: datetime
) -> None:
    reply, revision, case = written
    reply.status = VendorReply.Status.APPROVED
    reply.moderated_by, reply.moderated_at = by, moment
    revision.state, revision.decided_by, revision.decided_at = State.APPROVED, by, moment
    world.touch(reply, moment)
    after = {"status": reply.status, "revision": 1, "automated": False}
    world.record(moment, "reply.approved", reply, actor=by, after=after, reason="approved_ok")
    desk.decide(
        case,
        moment,
        content_type="reply",
        content_id=reply.pk,
        author=revision.author,
        action="approve",
        reason="approved_ok",
        by=by,
        before={"status": "pending"},
        after={"status": "approved"},
    )
