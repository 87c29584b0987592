"""What happened to reviews, replayed event by event in the order of time.

The rows are made as the services make them, with the moments of the past; what is
decided on the way (signals, verdicts, standing) comes from the functions that decide
it in earnest.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from reports.models import Action, Case
from reviews import reputation
from reviews.models import Review, ReviewRevision, Screening
from reviews.reputation import Standing
from reviews.screening import policy
from reviews.screening.run import edit_of, find_signals
from trustengine.accounts.models import User
from trustengine.devtools.demo.desk import Desk
from trustengine.devtools.demo.purchases import Purchase
from trustengine.devtools.demo.stories import Story, new_revision, new_story
from trustengine.devtools.demo.world import World
from trustengine.devtools.demo.writing import Draft, advertise, reconsider, write

State = ReviewRevision.State
Event = Callable[[datetime], None]


class History:
    """The events of all reviews. Fill in submissions, then ``replay``."""

    def __init__(self, world: World, *, moderator: User, senior: User) -> None:
        self.world = world
        self.moderators = (moderator, senior)
        self.desk = Desk(world.beside("desk"))
        self.stories: list[Story] = []
        self.standings: dict[object, Standing] = defaultdict(Standing)
        self._events: list[tuple[datetime, int, Event]] = []
        self._numbers = count()

    def at(self, moment: datetime, event: Event) -> None:
        """Let something happen at a moment, unless that lies beyond the horizon."""
        if moment < self.world.horizon:
            self._push(moment, event)

    def replay(self) -> None:
        """Let everything happen, and keep the rows."""
        while self._events:
            moment, _, event = heapq.heappop(self._events)
            event(moment)
        for story in self.stories:
            self.world.add(story.review)
            for revision in story.revisions:
                self.world.add(revision)

    def submit(self, purchase: Purchase, draft: Draft, moment: datetime, *, wait: timedelta | None = None) -> None:
        """A buyer writes a review. ``wait`` is until a moderator's decision; None leaves it to chance."""
        self.at(moment, partial(self._submit, purchase, draft, wait))

    def edit(self, story: Story, draft: Draft, moment: datetime) -> None:
        """The author changes a review: what is approved stays public until the new text is decided."""
        review, author = story.review, story.purchase.person.user
        if review.deleted_at is not None:
            return
        if waiting := story.pending:
            waiting.state, waiting.decided_at = State.SUPERSEDED, moment
        before = {"revision": len(story.revisions), "status": review.status, "rating": review.rating}
        story.draft = draft = draft.cleaned()
        if review.status != Review.Status.APPROVED:
            review.rating, review.title, review.comment = draft.rating, draft.title, draft.comment
            review.status = Review.Status.PENDING
        review.edit_count += 1
        review.edited_at = moment
        revision = self._revise(story, moment)
        after = {"revision": revision.number, "status": review.status, "rating": revision.rating}
        self._note(moment, "review.edited", review, actor=author, before=before, after=after)

    def _push(self, moment: datetime, event: Event) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def _submit(self, purchase: Purchase, draft: Draft, wait: timedelta | None, moment: datetime) -> None:
        author, item = purchase.person.user, purchase.item
        if item.refunded_at is not None and item.refunded_at <= moment:
            return
        story = new_story(self.world, purchase, draft, moment)
        review = story.review
        self.stories.append(story)
        after = {"product": item.product_id, "order_item": item.pk, "rating": review.rating, "status": review.status}
        self._note(moment, "review.submitted", review, actor=author, after=after)
        self._revise(story, moment, wait)
        if item.refunded_at is not None:
            self.at(item.refunded_at, partial(self._lose_purchase, story))

    def _revise(self, story: Story, moment: datetime, wait: timedelta | None = None) -> ReviewRevision:
        revision = new_revision(self.world, story, moment)
        # At once, where the horizon would cut it off: nothing may wait unscreened.
        screened = min(moment + timedelta(seconds=self.world.rng.uniform(0.4, 3)), self.world.horizon)
        self._push(screened, partial(self._screen, story, revision, wait))
        return revision

    def _screen(self, story: Story, revision: ReviewRevision, wait: timedelta | None, moment: datetime) -> None:
        if story.pending is not revision:
            return
        review = story.review
        signals = find_signals(edit_of(review, revision))
        verdict = policy.decide(signals, self.standings[review.author_id])
        self.world.add(
            Screening(
                id=self.world.uuid(moment),
                revision=revision,
                verdict=verdict,
                signals=[asdict(signal) for signal in signals],
                policy_version=policy.VERSION,
                created_at=moment,
            )
        )
        after = {"revision": revision.number, "verdict": verdict, "signals": [signal.name for signal in signals]}
        self._note(moment, "review.screened", review, after=after | {"policy_version": policy.VERSION})
        if verdict == Screening.Verdict.APPROVE:
            self._decide(story, revision, State.APPROVED, None, "trusted_author", moment)
        else:
            if story.case is None:
                story.case = self.desk.open("review", review.pk, review.author, Case.Queue.PENDING, moment)
            decided = moment + wait if wait else self._office_hours(moment, hard=bool(signals))
            self.at(decided, partial(self._moderate, story, revision))

    def _moderate(self, story: Story, revision: ReviewRevision, moment: datetime) -> None:
        if story.pending is not revision:
            return
        actor = self.world.rng.choices(self.moderators, (4, 1))[0]
        state = State.REJECTED if story.draft.objection else State.APPROVED
        self._decide(story, revision, state, actor, story.draft.objection or "approved_ok", moment)

    def _decide(
        self, story: Story, revision: ReviewRevision, state: State, actor: User | None, reason: str, moment: datetime
    ) -> None:
        review = story.review
        before = {"status": review.status, "rating": review.rating}
        revision.state, revision.decided_at, revision.decided_by = state, moment, actor
        if state == State.APPROVED:
            review.rating, review.title, review.comment = revision.rating, revision.title, revision.comment
            review.status = Review.Status.APPROVED
            story.published_at = story.published_at or moment
        elif review.status != Review.Status.APPROVED:
            review.status = Review.Status.REJECTED
        if state == State.APPROVED or review.status == Review.Status.REJECTED:
            review.moderated_by, review.moderated_at = actor, moment
        self._judge(review, state, moment)
        after = {"status": review.status, "rating": review.rating, "revision": revision.number}
        verb = f"review.{state}"
        automated = {"automated": actor is None}
        self._note(moment, verb, review, actor=actor, before=before, after=after | automated, reason=reason)
        action = Action.APPROVE if state == State.APPROVED else Action.REJECT
        known = "approved_ok" if action == Action.APPROVE else reason
        self._write_down(story, action, actor, known, moment, before=before, after=after)
        self._follow_up(story, revision, state, moment)

    def _judge(self, review: Review, state: State, moment: datetime) -> None:
        """Move the author's standing by one decision, so that the next verdict knows of it."""
        old = self.standings[review.author_id]
        self.standings[review.author_id] = reputation.standing(
            reputation.Facts(
                approved=old.approved + (state == State.APPROVED),
                rejected=old.rejected + (state == State.REJECTED),
                consecutive_approved=old.consecutive_approved + 1 if state == State.APPROVED else 0,
                age_days=(moment - review.author.date_joined).days,
            )
        )

    def _follow_up(self, story: Story, revision: ReviewRevision, state: State, moment: datetime) -> None:
        """What may come of a decision: second thoughts, a withdrawal, a takedown, another try."""
        world, luck = self.world, self.world.rng.random()
        if state == State.REJECTED:
            if luck < 0.3:
                honest = write(world, story.purchase.article)
                self.at(world.later(moment, hours=(1, 40)), lambda then: self.edit(story, honest, then))
        elif revision.number == 1 and luck < 0.09:
            self.at(world.later(moment, hours=(70, 500)), partial(self.reconsider, story))
        elif luck > 0.98:
            self.at(world.later(moment, hours=(30, 400)), partial(self._withdraw, story))
        elif luck > 0.96:
            self.at(world.later(moment, hours=(5, 200)), partial(self._set_hidden, story, True))

    def reconsider(self, story: Story, moment: datetime) -> None:
        """The author comes back with an afterthought."""
        self.edit(story, reconsider(self.world, story.draft), moment)

    def turn_into_advertising(self, story: Story, moment: datetime) -> None:
        """The author, or who bought the account, replaces an approved text by an advertisement."""
        self.edit(story, advertise(self.world, story.purchase.article), moment)

    def _withdraw(self, story: Story, moment: datetime) -> None:
        review = story.review
        if review.deleted_at is not None:
            return
        before = {"status": review.status, "deleted_at": None}
        if waiting := story.pending:
            waiting.state, waiting.decided_at = State.SUPERSEDED, moment
        review.deleted_at = moment
        if story.case is not None:
            self.desk.close(story.case, moment)
            story.case = None
        actor, after = story.purchase.person.user, {"deleted_at": moment}
        self._note(moment, "review.withdrawn", review, actor=actor, before=before, after=after)

    def _set_hidden(self, story: Story, hidden: bool, moment: datetime) -> None:
        if story.review.deleted_at is not None or story.review.is_hidden == hidden:
            return
        story.review.is_hidden = hidden
        verb, reason = ("review.hidden", "privacy") if hidden else ("review.restored", "no_violation")
        self._note(
            moment,
            verb,
            story.review,
            actor=self.moderators[1],
            before={"is_hidden": not hidden},
            after={"is_hidden": hidden},
            reason=reason,
        )
        self._write_down(
            story,
            Action.HIDE if hidden else Action.RESTORE,
            self.moderators[1],
            reason,
            moment,
            before={"is_hidden": not hidden},
            after={"is_hidden": hidden},
        )
        if hidden and self.world.chance(0.3):
            self.at(self.world.later(moment, hours=(4, 60)), partial(self._set_hidden, story, False))

    def _write_down(
        self,
        story: Story,
        action: str,
        by: User | None,
        reason: str,
        moment: datetime,
        *,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        """Keep a decision; one about the text that waits closes its case."""
        review = story.review
        settles = action in {Action.APPROVE, Action.REJECT}
        self.desk.decide(
            story.case if settles else None,
            moment,
            content_type="review",
            content_id=review.pk,
            author=review.author,
            action=action,
            reason=reason,
            by=by,
            before=before,
            after=after,
        )
        if settles:
            story.case = None

    def _lose_purchase(self, story: Story, moment: datetime) -> None:
        story.review.purchase_refunded_at = moment
        self.world.touch(story.review, moment)

    def _office_hours(self, moment: datetime, *, hard: bool) -> datetime:
        """When a moderator gets to it: within a day or two, what needs thought later, nobody at night."""
        decided = moment + timedelta(hours=self.world.rng.lognormvariate(3.4 if hard else 2.9, 0.6))
        if decided.hour < 8 or decided.hour >= 20:
            day = decided.replace(hour=8, minute=0) + timedelta(days=decided.hour >= 20)
            decided = day + timedelta(minutes=self.world.rng.uniform(1, 150))
        return decided

    def _note(self, moment: datetime, verb: str, review: Review, **details: object) -> None:
        self.world.touch(review, moment)
        self.world.record(moment, verb, review, **details)  # type: ignore[arg-type]
