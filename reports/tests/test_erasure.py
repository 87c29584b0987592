"""What is left of reports, cases and appeals when somebody goes; and that others keep what is theirs."""

import pytest

from reports.models import Appeal, Case, Decision, Report, StatementOfReasons
from reports.services.appeals import appeal
from reports.services.reporting import submit_report
from reports.services.statements import deliver
from reports.tests.factories import decided, reported
from reviews.models import Review, VendorReply
from reviews.services import withdraw_reply
from reviews.tests.factories import approved_review, pending_reply
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def erase(user):
    request_erasure(user, actor=None)
    run_due_jobs()


def test_an_erased_author_leaves_the_decision_without_a_word_and_the_reporter_their_answer():
    report = reported(approved_review(title="Quetzalcoatl"))
    Report.objects.update(description="Quetzalcoatl lies.")
    decision = decided(report.case, "hide", facts="Quetzalcoatl is an insult.", note="Quetzalcoatl again.")
    deliver(decision.pk)
    run_due_jobs()
    told = StatementOfReasons.objects.get(role="reporter").text

    erase(decision.author)

    report.refresh_from_db()
    assert (report.status, report.snapshot, report.description) == ("actioned", {}, "")
    decision = Decision.objects.select_related("text").get(pk=decision.pk)
    assert (decision.action, decision.text.note, decision.text.facts) == ("hide", "", "")
    assert dict(StatementOfReasons.objects.values_list("role", "text")) == {"author": "", "reporter": told}
    assert "Quetzalcoatl" not in str(list(Case.objects.values()))


def test_reports_that_wait_on_an_erased_author_are_moot_and_their_case_closes():
    report = reported()

    erase(Review.objects.get(pk=report.content_id).author)

    report.refresh_from_db()
    assert (report.status, report.reviewed_at, Case.objects.get().state) == ("moot", None, "closed")


def test_an_appeal_with_nobody_left_to_hear_it_is_settled_and_its_case_closes():
    report = reported()
    decision = decided(report.case, "hide")
    made = appeal(decision.pk, appellant=decision.author, text="I am right.")

    erase(decision.author)

    made.refresh_from_db()
    assert (made.state, made.text, made.ruled_by) == ("upheld", "", None)
    assert made.ruled_at
    assert Entry.objects.get(verb="appeal.moot").object_id == str(made.pk)
    assert not Case.objects.open().exists()
    assert not Appeal.objects.filter(state="pending").exists()


def test_reports_of_others_contents_are_not_touched():
    theirs, other = reported(), reported()
    Report.objects.update(description="This is spam.")

    erase(Review.objects.get(pk=theirs.content_id).author)

    other.refresh_from_db()
    assert (other.status, other.description, bool(other.snapshot)) == ("pending", "This is spam.", True)


def test_a_reply_to_an_erased_author_goes_and_what_somebody_wrote_for_a_vendor_stays():
    addressed, written = pending_reply(text="Dear Ada"), pending_reply(text="We repair it.")
    submit_report(reporter=UserFactory(), content_type="product", content_id=written.review.product_id, reason="spam")

    erase(addressed.review.author)
    erase(written.revisions.get().author)

    addressed.refresh_from_db(), written.refresh_from_db()
    assert (addressed.text, addressed.revisions.get().text, bool(addressed.deleted_at)) == ("", "", True)
    assert (written.text, written.revisions.get().text, written.deleted_at) == ("We repair it.", "We repair it.", None)
    assert VendorReply.objects.live().get() == written


def test_a_reply_waits_in_a_case_of_its_own_until_it_is_withdrawn():
    reply = pending_reply()
    run_due_jobs()
    case = Case.objects.get(content_type="reply")
    assert (case.content_id, case.queue, case.state) == (reply.pk, "pending", "open")

    withdraw_reply(reply.review_id, member=reply.revisions.get().author)
    run_due_jobs()

    case.refresh_from_db()
    assert case.state == "closed"
