"""Decisions: taken once, written down for good, undone exactly."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from orders.models import Product
from reports.errors import CaseChanged, CaseClaimed, ConflictOfInterest
from reports.models import Case, Decision, Proposal, Report, ReporterRecord
from reports.services.claiming import claim_case, claim_next, release_case
from reports.services.deciding import decide, undo
from reports.services.proposals import approve_proposal, refuse_proposal
from reports.services.reporting import submit_report
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import ProductRating, Review, ReviewRevision, Strike
from reviews.screening import screen
from reviews.services import approve_review, edit_review, withdraw_reply, withdraw_review, write_reply
from reviews.services.mementos import memento_of
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def counted(review: Review) -> int:
    rating = ProductRating.objects.filter(product=review.product_id).first()
    return rating.count if rating else 0


def test_hiding_settles_the_reports_closes_the_case_and_moves_the_rating():
    report = reported(reason="offensive")
    review = Review.objects.get(pk=report.content_id)
    by = moderator()
    decision = decided(report.case, "hide", "offensive", by, facts="The second sentence insults a person.")

    review.refresh_from_db()
    report.refresh_from_db()
    assert review.is_hidden
    assert counted(review) == 0
    assert (report.status, report.reviewed_by, report.case.state) == ("actioned", by, "closed")
    assert (decision.action, decision.moderator, decision.automated) == ("hide", by, False)
    assert decision.text.facts.startswith("The second")
    run_due_jobs()
    assert ReporterRecord.objects.get(user=report.reporter).actioned == 1


def test_dismissing_leaves_the_content_and_dismisses_the_reports():
    report = reported()
    decided(report.case, "dismiss", "no_violation")

    report.refresh_from_db()
    assert report.status == "dismissed"
    assert Review.objects.get(pk=report.content_id).is_public


@pytest.mark.parametrize(
    ("action", "reason"),
    [("hide", "spam"), ("remove", "spam"), ("restrict", "fake"), ("warn", "spam"), ("dismiss", "no_violation")],
)
def test_undo_puts_back_exactly_what_was(action, reason):
    report = reported()
    review = Review.objects.get(pk=report.content_id)
    before, count = memento_of(review), counted(review)
    by = moderator()
    decision = decided(report.case, action, reason, by)
    undone = undo(decision.pk, moderator=by)
    run_due_jobs()

    review = Review.objects.get(pk=review.pk)
    assert memento_of(review) == before
    assert counted(review) == count
    assert (undone.action, undone.supersedes) == ("undo", decision)
    assert Report.objects.get(pk=report.pk).status == "pending"
    assert Case.objects.open().get().content_id == review.pk
    assert not Strike.objects.filter(user=review.author, revoked_at=None).exists()
    with pytest.raises(InvalidTransition):
        undo(decision.pk, moderator=by)


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_undoing_a_decision_on_an_edit_brings_both_texts_back(action):
    review = approved_review(title="Old", rating=2)
    edit_review(review.pk, author=review.author, changes={"title": "New", "rating": 5})
    run_due_jobs()
    case = Case.objects.open().get()
    before = memento_of(Review.objects.get(pk=review.pk))
    by = moderator()
    decision = decided(case, action, "approved_ok" if action == "approve" else "spam", by)
    undo(decision.pk, moderator=by)

    review.refresh_from_db()
    assert (review.title, review.rating, review.status) == ("Old", 2, "approved")
    assert review.revisions.get(number=2).state == ReviewRevision.State.PENDING
    assert memento_of(review) == before
    assert ProductRating.objects.get(product=review.product_id).stars_2 == 1


def test_undo_is_refused_when_its_time_is_over_or_something_has_happened_since():
    by = moderator()
    late = decided(reported().case, "dismiss", "no_violation", by)
    hidden = decided(reported().case, "hide", "spam", by)
    review = Review.objects.get(pk=hidden.content_id)
    edit_review(review.pk, author=review.author, changes={"title": "Another"})
    with pytest.raises(CaseChanged):
        undo(hidden.pk, moderator=by)
    # Decisions are never changed, so the clock is: the settings say how long.
    assert late.notice_after - late.created_at == timedelta(seconds=120)


def test_a_pending_review_becomes_a_case_and_deciding_it_elsewhere_closes_the_case():
    review = pending_review(delivered_purchase())
    screen(review.pk)
    run_due_jobs()
    case = Case.objects.open().get(content_id=review.pk)
    assert case.queue == "pending"
    by = moderator()
    approve_review(review.pk, actor=by, reason="approved_ok")
    run_due_jobs()

    case.refresh_from_db()
    assert case.state == "closed"
    decision = Decision.objects.get(content_id=review.pk)
    assert (decision.action, decision.moderator, decision.reason_id) == ("approve", by, "approved_ok")


def test_a_reply_that_waits_becomes_a_case_that_is_decided_or_ends_with_its_withdrawal():
    review = approved_review()
    member = MembershipFactory(profile=review.product.vendor, role="manager").user
    reply = write_reply(review.pk, member=member, text="Thank you.").reply
    run_due_jobs()
    case = Case.objects.open().get(content_type="reply", content_id=reply.pk)
    assert case.queue == "pending"
    decided(case, "approve", "approved_ok")
    reply.refresh_from_db()
    assert reply.is_public

    write_reply(review.pk, member=member, text="Thank you so much.")
    run_due_jobs()
    assert Case.objects.open().filter(content_id=reply.pk).exists()
    withdraw_reply(review.pk, member=member)
    run_due_jobs()
    assert not Case.objects.open().filter(content_id=reply.pk).exists()


def test_a_changed_text_makes_what_was_seen_stale():
    report = reported()
    review = Review.objects.get(pk=report.content_id)
    by = moderator()
    seen = claim_case(report.case_id, moderator=by).version
    edit_review(review.pk, author=review.author, changes={"title": "Edited meanwhile"})
    run_due_jobs()

    with pytest.raises(CaseChanged):
        decide(report.case_id, moderator=by, action="hide", reason_code="spam", version=seen)


def test_a_withdrawn_content_closes_its_case():
    report = reported()
    review = Review.objects.get(pk=report.content_id)
    withdraw_review(review.pk, author=review.author)
    run_due_jobs()

    report.refresh_from_db()
    assert (report.status, report.case.state, report.reviewed_by) == ("moot", "closed", None)


def test_next_gives_each_moderator_another_case_and_nobody_their_own():
    first, second = reported(reason="illegal"), reported(reason="off_topic")
    one, other = moderator(), moderator()

    assert claim_next(moderator=one) == first.case
    assert claim_next(moderator=other) == second.case
    assert claim_next(moderator=moderator()) is None
    release_case(first.case_id, moderator=one)
    author = User.objects.get(pk=Review.objects.get(pk=first.content_id).author_id)
    author.is_staff = True
    author.save()
    author.groups.set(one.groups.all())
    author = User.objects.get(pk=author.pk)
    assert claim_next(moderator=author) is None
    with pytest.raises(ConflictOfInterest):
        decide(first.case_id, moderator=author, action="hide", reason_code="spam", version=first.case.version)


def test_a_claim_keeps_others_away_until_it_expires():
    report = reported()
    one, other = moderator(), moderator()
    case = claim_case(report.case_id, moderator=one)
    with pytest.raises(CaseClaimed):
        claim_case(case.pk, moderator=other)
    with pytest.raises(CaseClaimed):
        decide(case.pk, moderator=other, action="hide", reason_code="spam", version=case.version)
    Case.objects.filter(pk=case.pk).update(claim_expires_at=timezone.now())

    assert claim_case(case.pk, moderator=other).claimed_by == other


def test_suspending_and_legal_removal_take_two_people():
    report = reported(reason="illegal")
    author = User.objects.get(pk=Review.objects.get(pk=report.content_id).author_id)
    one = senior()
    proposal = decided(report.case, "suspend", "illegal", one)
    assert isinstance(proposal, Proposal)
    assert not User.objects.get(pk=author.pk).is_suspended
    with pytest.raises(PermissionDenied):
        approve_proposal(proposal.pk, approver=one)
    with pytest.raises(PermissionDenied):
        approve_proposal(proposal.pk, approver=moderator())
    decision = approve_proposal(proposal.pk, approver=senior())
    assert User.objects.get(pk=author.pk).is_suspended
    undoing = undo(decision.pk, moderator=one)
    assert User.objects.get(pk=author.pk).is_suspended
    approve_proposal(undoing.pk, approver=senior())
    assert not User.objects.get(pk=author.pk).is_suspended

    removal = decided(reported(reason="illegal").case, "remove", "illegal", one)
    assert isinstance(removal, Proposal)
    assert refuse_proposal(removal.pk, approver=senior()).state == "refused"


def test_a_removed_review_leaves_a_tombstone_that_names_the_ground(client):
    report = reported()
    decided(report.case, "remove", "privacy")

    answer = client.get(f"/api/v1/reviews/{report.content_id}/")
    assert (answer.status_code, answer.json()["code"]) == (410, "REVIEW_DELETED")
    assert answer.json()["removed"]["reason"] == "privacy"
    assert answer.json()["removed"]["ground"] == "terms"


def test_a_listing_is_taken_off_the_market_and_put_back():
    product = approved_review().product
    report = submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")
    by = moderator()
    decision = decided(report.case, "hide", "illegal", by)
    assert Product.objects.get(pk=product.pk).is_moderated
    undo(decision.pk, moderator=by)

    assert not Product.objects.get(pk=product.pk).is_moderated


def test_decisions_cannot_be_changed_and_leave_an_audit_entry():
    decision = decided(reported().case, "dismiss", "no_violation")

    assert Entry.objects.filter(verb="decision.taken", object_id=str(decision.pk)).exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(action="hide")
