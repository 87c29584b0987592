"""Reports and what came of them: decisions, appeals, a proposal, restrictions, and what still waits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from reports.contents import KINDS
from reports.models import Appeal, Case, Decision, Proposal, Report
from reviews.models import Restriction, Review
from trustengine.accounts.models import User
from trustengine.devtools.demo.accounts import FAKED_PRODUCT
from trustengine.devtools.demo.desk import Desk
from trustengine.devtools.demo.history import History
from trustengine.devtools.demo.people import Person
from trustengine.devtools.demo.stories import Story
from trustengine.devtools.demo.world import World

Found = tuple[str, str, str]  # the reason of a report, what its reporter wrote, and what was decided

SETTLED: tuple[Found, ...] = (
    ("offensive", "The second half is about the seller's family, not about the product.", "hide"),
    ("privacy", "This names the courier and where he lives.", "remove"),
    ("fake", "The same text stands under two other products of this shop.", "hide"),
    ("off_topic", "It is about the weather on the day of the delivery.", "dismiss"),
    ("spam", "Reads like an advertisement to me.", "dismiss"),
    ("other", "I do not agree with this at all.", "dismiss"),
    ("conflict_of_interest", "The author works for the shop next door.", "dismiss"),
)
WAITING: tuple[tuple[str, str, float], ...] = (  # and how many hours it has waited
    ("offensive", "Please look at the last sentence.", 31.0),
    ("fake", "I know for certain that he never had one of these.", 17.5),
    ("privacy", "There is a telephone number in the photograph that it mentions.", 6.2),
    ("off_topic", "", 2.4),
)
BRIGADE, BRIGADE_MINUTES = 7, 40
BRIGADE_WORDS = ("fake!!", "Not true.", "", "delete this", "lies about a good shop", "", "fake")


class Complaints:
    """Lets readers report what they read, after everything else has happened."""

    def __init__(self, world: World, history: History, readers: Sequence[Person]) -> None:
        self.world = world
        self.desk = Desk(world)
        self.moderator, self.senior = history.moderators
        self.readers = [person.user for person in readers]
        self.stories = [
            story
            for story in history.stories
            if story.review.is_public and story.pending is None and story.review.comment and story.published_at
        ]
        self.taken_back = [story for story in history.stories if story.review.deleted_at and story.published_at]
        self.calm = [story for story in self.stories if story.published_at and story.published_at < world.ago(12)]
        world.rng.shuffle(self.calm)

    def tell(self) -> None:
        """Everything, from what was settled long ago to what waits."""
        decisions = [self._settled(*found) for found in SETTLED]
        self._appeal_pending(decisions[0])
        self._appeal_overturned(decisions[2])
        for reason, words, hours in WAITING:
            moment = self.world.horizon - timedelta(hours=hours)
            self._report(self._next(), self._reader(), reason, words, moment)
        self._brigade()
        self._proposal()
        self._restricted()
        self._withdrawn()
        self._product()
        self._moot()

    def _settled(self, reason: str, words: str, action: str) -> tuple[Story, Decision]:
        story = self._next()
        moment = self.world.ago(self.world.rng.uniform(2, 11))
        reports = [self._report(story, self._reader(), reason, words, moment)]
        if self.world.chance(0.4):
            reports.append(self._report(story, self._reader(), reason, "", self.world.later(moment, hours=(1, 3))))
        decided = self.world.later(moment, hours=(4, 20))
        by = self.moderator if reason == "offensive" else self.world.rng.choice((self.moderator, self.senior))
        code = "no_violation" if action == "dismiss" else reason
        facts = "" if action == "dismiss" else "Reported by readers, and seen to be so by a moderator."
        return story, self._decide(story, reports, action, code, by, decided, facts)

    def _appeal_pending(self, about: tuple[Story, Decision]) -> None:
        story, decision = about
        moment = self.world.horizon - timedelta(hours=9)
        words = "I wrote about the product. The sentence about the family was meant as a joke, and I can take it out."
        self._appeal(story, decision, words, moment)

    def _appeal_overturned(self, about: tuple[Story, Decision]) -> None:
        story, decision = about
        moment = self.world.ago(1.5)
        appeal = self._appeal(story, decision, "I bought three of them, so I wrote the same about all three.", moment)
        ruled = moment + timedelta(hours=7)
        by = self.senior if decision.moderator != self.senior else self.moderator
        review = story.review
        review.is_hidden = False
        self._note(ruled, "review.restored", review, by, {"is_hidden": True}, {"is_hidden": False}, "no_violation")
        ruling = self.desk.decide(
            appeal.case,
            ruled,
            **self._about(review),
            action="overturn",
            reason="no_violation",
            by=by,
            before=decision.after,
            after=decision.before,
            supersedes=decision,
        )
        appeal.state, appeal.ruled_by, appeal.ruled_at = Appeal.State.OVERTURNED, by, ruled
        appeal.ruling, appeal.ruling_text = ruling, "The orders bear this out. The review is shown again."
        after = {"ruling": "overturn", "decision": decision.pk}
        self.world.record(ruled, "appeal.ruled", appeal, actor=by, after=after)
        for report in self.world.rows[Report]:
            if report.content_id == review.pk and report.status == Report.Status.ACTIONED:
                report.status, report.reviewed_at, report.reviewed_by = Report.Status.DISMISSED, ruled, by

    def _brigade(self) -> None:
        """Fresh accounts that all report one critical review within the hour."""
        critical = [story for story in self.calm if story.review.rating <= 2]
        story = critical[0] if critical else self._next()
        if story in self.calm:
            self.calm.remove(story)
        begin = self.world.horizon - timedelta(minutes=BRIGADE_MINUTES + 5)
        for number, words in zip(range(BRIGADE), BRIGADE_WORDS, strict=True):
            self._report(story, self._reader(), "fake", words, begin + timedelta(minutes=5 * number))

    def _proposal(self) -> None:
        """What is removed on legal grounds takes two: one has proposed it."""
        story, moment = self._next(), self.world.horizon - timedelta(hours=20)
        report = self._report(story, self._reader(), "illegal", "This is a threat, and I have told the police.", moment)
        case = report.case
        assert case is not None
        proposed = moment + timedelta(hours=3)
        case.version += 1
        proposal = Proposal(
            id=self.world.uuid(proposed),
            case=case,
            case_version=case.version,
            action="remove",
            reason_id="illegal",
            note="Please look at the second sentence; I think that it is a threat.",
            facts="The review threatens a member of the shop.",
            proposed_by=self.moderator,
            created_at=proposed,
        )
        after = {"case": case.pk, "action": "remove", "reason": "illegal"}
        self.world.record(proposed, "proposal.made", proposal, actor=self.moderator, after=after, reason="illegal")
        self.world.add(proposal)

    def _restricted(self) -> None:
        """A rule keeps one of the bought reviews out of sight, until somebody has looked at it."""
        story = (
            next((each for each in self.stories if each.review.product.title == FAKED_PRODUCT), None) or self._next()
        )
        review, moment = story.review, self.world.horizon - timedelta(hours=5)
        restriction = Restriction(
            id=self.world.uuid(moment),
            review=review,
            ground=Restriction.Ground.MANIPULATED_RATING,
            imposed_at=moment,
        )
        self.world.add(restriction)
        review.restricted_at = moment
        after = {"restriction": restriction.pk, "ground": restriction.ground}
        self._note(moment, "review.restricted", review, None, {"restricted_at": None}, after, "fake")
        self.desk.open("review", review.pk, review.author, Case.Queue.RESTRICTED, moment)
        told = {"restriction": str(restriction.pk)}
        self.desk.decide(None, moment, **self._about(review), action="restrict", reason="fake", by=None, after=told)

    def _withdrawn(self) -> None:
        story, moment = self._next(), self.world.ago(4)
        report = self._report(story, self._reader(), "other", "Sorry, I meant another one.", moment)
        report.status = Report.Status.WITHDRAWN
        story.review.report_count -= 1
        later = moment + timedelta(minutes=3)
        self.world.touch(report, later)
        self.world.record(later, "report.withdrawn", report, actor=report.reporter, after={"status": "withdrawn"})
        if report.case is not None:
            self.desk.close(report.case, later)

    def _moot(self) -> None:
        """A report of a review that its author withdrew before anybody looked."""
        for story in self.taken_back[:1]:
            published, withdrawn = story.published_at, story.review.deleted_at
            assert published is not None
            assert withdrawn is not None
            moment = published + (withdrawn - published) / 2
            report = self._report(story, self._reader(), "off_topic", "This is about another shop.", moment)
            report.status = Report.Status.MOOT
            self.world.touch(report, withdrawn)
            if report.case is not None:
                self.desk.close(report.case, withdrawn)

    def _product(self) -> None:
        """A listing can be reported, too."""
        product = next(story.review.product for story in self.calm if story.review.product.is_active)
        moment = self.world.horizon - timedelta(hours=4.5)
        case = self.desk.open("product", product.pk, None, Case.Queue.REPORTS, moment)
        self._keep_report("product", product, case, self._reader(), "illegal", "The mark on it is not theirs.", moment)

    def _report(self, story: Story, reporter: User, reason: str, words: str, moment: datetime) -> Report:
        case = next(
            (
                each
                for each in self.world.rows[Case]
                if each.content_id == story.review.pk and each.state == Case.State.OPEN
            ),
            None,
        )
        if case is None:
            case = self.desk.open("review", story.review.pk, story.review.author, Case.Queue.REPORTS, moment)
        return self._keep_report("review", story.review, case, reporter, reason, words, moment)

    def _keep_report(
        self, content_type: str, content: Any, case: Case, reporter: User, reason: str, words: str, moment: datetime
    ) -> Report:
        shown = {name: getattr(content, name) for name in SHOWN[content_type]}
        if content_type == "review":
            shown |= {"revision": 1 + content.edit_count, "product": str(content.product_id)}
        report = Report(
            id=self.world.uuid(moment),
            reporter=reporter,
            content_type=content_type,
            content_id=content.pk,
            case=case,
            reason_id=reason,
            description=words,
            snapshot=shown,
            created_at=moment,
        )
        content.report_count += 1
        self.world.touch(report, moment)
        after = {"content": f"{content_type}:{content.pk}", "reason": reason, "case": case.pk}
        self.world.record(moment, "report.submitted", report, actor=reporter, after=after)
        return self.world.add(report)

    def _decide(
        self,
        story: Story,
        reports: Sequence[Report],
        action: str,
        reason: str,
        by: User,
        moment: datetime,
        facts: str,
    ) -> Decision:
        review, case = story.review, reports[0].case
        before: dict[str, Any] = {"is_hidden": False, "removed_at": None}
        after = dict(before)
        if action == "hide":
            review.is_hidden = after["is_hidden"] = True
            self._note(moment, "review.hidden", review, by, {"is_hidden": False}, {"is_hidden": True}, reason)
        elif action == "remove":
            review.removed_at, review.removal_reason, review.removal_ground = moment, reason, "terms"
            after["removed_at"] = moment.isoformat()
            self._note(moment, "review.removed", review, by, {"removed_at": None}, {"removed_at": moment}, reason)
        is_changed = before != after
        decision = self.desk.decide(
            case,
            moment,
            **self._about(review),
            action=action,
            reason=reason,
            by=by,
            facts=facts,
            before=before if is_changed else None,
            after=after if is_changed else None,
        )
        for report in reports:
            report.status = Report.Status.DISMISSED if action == "dismiss" else Report.Status.ACTIONED
            report.reviewed_at, report.reviewed_by = moment, by
            self.world.touch(report, moment)
        return decision

    def _appeal(self, story: Story, decision: Decision, words: str, moment: datetime) -> Appeal:
        review = story.review
        case = self.desk.open("review", review.pk, review.author, Case.Queue.APPEALS, moment)
        appeal = Appeal(
            id=self.world.uuid(moment),
            decision=decision,
            case=case,
            appellant=review.author,
            role="author",
            text=words,
            created_at=moment,
        )
        after = {"decision": decision.pk, "case": case.pk, "role": "author"}
        self.world.record(moment, "appeal.made", appeal, actor=review.author, after=after)
        return self.world.add(appeal)

    def _note(
        self,
        moment: datetime,
        verb: str,
        review: Review,
        by: User | None,
        before: dict[str, Any],
        after: dict[str, Any],
        reason: str,
    ) -> None:
        self.world.touch(review, moment)
        self.world.record(moment, verb, review, actor=by, before=before, after=after, reason=reason)

    def _about(self, review: Review) -> dict[str, Any]:
        return {"content_type": "review", "content_id": review.pk, "author": review.author}

    def _next(self) -> Story:
        """A review that nobody has complained about yet."""
        return self.calm.pop()

    def _reader(self) -> User:
        """Somebody who has not reported anything yet."""
        return self.readers.pop(self.world.rng.randrange(len(self.readers)))


SHOWN = {
    "review": ("rating", "title", "comment", "status", "edit_count"),
    "product": ("title", "description", "price_cents", "currency", "is_active"),
}
assert set(SHOWN) <= set(KINDS)
