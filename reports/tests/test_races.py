"""What happens at once on one content: one outcome, exact counts, no deadlock."""

from functools import partial

import pytest

from orders.tests.test_reconcile_order_status import reconcile
from reports.errors import AlreadyAppealed, CaseChanged, CaseClaimed
from reports.models import Appeal, Case, Decision, Report
from reports.services.appeals import appeal
from reports.services.claiming import claim_case, claim_next
from reports.services.deciding import decide, undo
from reports.services.reporting import submit_report, withdraw_report
from reports.services.statements import deliver
from reports.tests.factories import decided, moderator, reported
from reviews.models import Review
from reviews.services import edit_review, withdraw_review
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import DomainError, InvalidTransition
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)


def errors_of(outcomes):
    """The codes of those that were refused; anything but a refusal by the rules fails the test."""
    failed = [each for each in outcomes if isinstance(each, Exception)]
    assert all(isinstance(each, DomainError) for each in failed), failed
    return [each.code for each in failed]


def agrees():
    run_due_jobs()
    return reconcile("reports")[0] == 0


def deciding(case, by, action="hide", reason="spam"):
    return partial(decide, case.pk, moderator=by, action=action, reason_code=reason, version=case.version)


def test_moderators_who_ask_at_once_never_get_the_same_case():
    for _ in range(4):
        reported()
    people = [moderator() for _ in range(6)]

    claimed = at_once(*[partial(claim_next, moderator=each) for each in people])

    got = [case.pk for case in claimed if case is not None]
    assert errors_of(claimed) == []
    assert len(got) == len(set(got)) == 4


def test_two_who_claim_one_case_at_once_are_one_and_a_refusal():
    case = reported().case

    outcomes = at_once(*[partial(claim_case, case.pk, moderator=moderator()) for _ in range(4)])

    assert errors_of(outcomes) == [CaseClaimed.code] * 3


def test_two_decisions_at_once_are_one_decision():
    case = Case.objects.get(pk=reported().case_id)

    outcomes = at_once(*[deciding(case, moderator(), action) for action in ("hide", "dismiss", "remove", "warn")])

    assert errors_of(outcomes) == [CaseChanged.code] * 3
    assert Decision.objects.filter(case=case).count() == 1
    assert agrees()


def test_a_decision_and_an_edit_at_once_never_decide_a_text_that_nobody_saw():
    for _ in range(3):
        report = reported()
        review, case = Review.objects.get(pk=report.content_id), Case.objects.get(pk=report.case_id)
        edit = partial(edit_review, review.pk, author=review.author, changes={"comment": "Another text now."})

        outcomes = at_once(deciding(case, moderator()), edit)

        assert set(errors_of(outcomes)) <= {CaseChanged.code}
        review.refresh_from_db()
        assert review.is_hidden == isinstance(outcomes[0], Decision)
    assert agrees()


def test_an_approval_never_publishes_an_edit_that_came_after_the_look():
    report = reported()
    review = Review.objects.get(pk=report.content_id)
    edit_review(review.pk, author=review.author, changes={"comment": "Seen."})
    run_due_jobs()
    by = moderator()
    case = claim_case(report.case_id, moderator=by)
    edit = partial(edit_review, review.pk, author=review.author, changes={"comment": "Not seen."})

    outcomes = at_once(deciding(case, by, "approve", "approved_ok"), edit)

    assert set(errors_of(outcomes)) <= {CaseChanged.code}
    assert Review.objects.get(pk=review.pk).comment != "Not seen."
    with pytest.raises(CaseChanged):
        deciding(case, by, "approve", "approved_ok")()
    assert agrees()


def test_a_decision_and_a_withdrawal_of_the_report_at_once():
    for _ in range(3):
        report = reported()
        case = Case.objects.get(pk=report.case_id)

        outcomes = at_once(deciding(case, moderator()), partial(withdraw_report, report.pk, reporter=report.reporter))

        assert set(errors_of(outcomes)) <= {InvalidTransition.code, CaseChanged.code}
        report.refresh_from_db()
        assert report.status in {"actioned", "withdrawn"}
        assert Review.objects.get(pk=report.content_id).report_count == (report.status == "actioned")
    assert agrees()


def test_reports_and_a_decision_at_once_leave_no_report_behind():
    report = reported()
    review, case = Review.objects.get(pk=report.content_id), Case.objects.get(pk=report.case_id)
    reporters = UserFactory.create_batch(4)
    more = [
        partial(submit_report, reporter=each, content_type="review", content_id=review.pk, reason="fake")
        for each in reporters
    ]

    outcomes = at_once(deciding(case, moderator(), "dismiss", "no_violation"), *more)

    assert set(errors_of(outcomes)) <= {CaseChanged.code}
    run_due_jobs()
    waiting = Report.objects.pending().filter(content_id=review.pk).count()
    assert Case.objects.open().filter(content_id=review.pk).count() == min(waiting, 1)
    assert Review.objects.get(pk=review.pk).report_count == 5
    assert agrees()


def test_a_report_and_the_contents_withdrawal_at_once_leave_no_open_case():
    for _ in range(3):
        review = approved_review()
        report = partial(
            submit_report, reporter=UserFactory(), content_type="review", content_id=review.pk, reason="fake"
        )

        outcomes = at_once(report, partial(withdraw_review, review.pk, author=review.author))

        assert set(errors_of(outcomes)) <= {"REVIEW_NOT_FOUND"}
        run_due_jobs()
    assert not Case.objects.open().exists()
    assert agrees()


def test_undoing_and_appealing_at_once_leave_no_appeal_without_an_answer():
    for _ in range(3):
        report, by = reported(), moderator()
        author = Review.objects.get(pk=report.content_id).author
        decision = decided(report.case, "hide", by=by)

        outcomes = at_once(
            partial(undo, decision.pk, moderator=by), partial(appeal, decision.pk, appellant=author, text="No.")
        )

        assert set(errors_of(outcomes)) <= {InvalidTransition.code}
        assert not isinstance(outcomes[0], Exception)
        assert not Appeal.objects.filter(decision=decision, state="pending").exists()
    assert agrees()


def test_undoing_twice_at_once_undoes_once():
    report, by = reported(), moderator()
    decision = decided(report.case, "warn", by=by)

    outcomes = at_once(*[partial(undo, decision.pk, moderator=by)] * 4)

    assert errors_of(outcomes) == [InvalidTransition.code] * 3


def test_appealing_twice_at_once_is_one_appeal():
    report = reported()
    author = Review.objects.get(pk=report.content_id).author
    decision = decided(report.case, "hide")

    outcomes = at_once(*[partial(appeal, decision.pk, appellant=author, text="No.")] * 4)

    assert errors_of(outcomes) == [AlreadyAppealed.code] * 3


def test_everything_at_once_on_one_review_is_no_deadlock():
    report, by = reported(), moderator()
    review, case = Review.objects.get(pk=report.content_id), Case.objects.get(pk=report.case_id)
    reporter = UserFactory()
    decision = Decision.objects.get(content_id=review.pk)

    outcomes = at_once(
        deciding(case, by),
        partial(submit_report, reporter=reporter, content_type="review", content_id=review.pk, reason="fake"),
        partial(withdraw_report, report.pk, reporter=report.reporter),
        partial(edit_review, review.pk, author=review.author, changes={"title": "Edited"}),
        partial(claim_next, moderator=moderator()),
        partial(undo, decision.pk, moderator=by),
        partial(deliver, decision.pk),
    )

    errors_of(outcomes)
    assert agrees()
