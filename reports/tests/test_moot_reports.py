"""Reports of what vanished before anybody looked: nobody is told that we have looked."""

import pytest

from orders.models import Product
from reports.models import Case, Report, ReporterRecord
from reports.services.reporting import submit_report
from reports.tests.factories import decided, reported
from reviews.models import Review, VendorReply
from reviews.services import withdraw_reply, withdraw_review, write_reply
from reviews.services.reply_moderation import approve_reply
from reviews.tests.factories import approved_review, pending_reply
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


def report_of(content_type, content):
    return submit_report(reporter=UserFactory(), content_type=content_type, content_id=content.pk, reason="spam")


def outcome(report):
    """What the reporter reads, once everything that follows has been done."""
    run_due_jobs()
    (told,) = api_client_for(report.reporter).get("/api/v1/me/reports/").json()["results"]
    return told


def assert_moot(report):
    told = outcome(report)
    assert (told["status"], told["reviewed_at"], told["decision"]) == ("moot", None, None)
    assert "took it back" in told["outcome"]
    assert "looked at it and" not in told["outcome"]
    report.refresh_from_db()
    assert (report.reviewed_at, report.reviewed_by) == (None, None)
    assert not Case.objects.open().filter(content_id=report.content_id).exists()
    assert not ReporterRecord.objects.filter(user=report.reporter).exists()


def published_reply():
    return approve_reply(pending_reply().pk, actor=None)


def test_a_withdrawn_review():
    report = reported()
    withdraw_review(report.content_id, author=Review.objects.get(pk=report.content_id).author)

    assert_moot(report)
    refusal = api_client_for(report.reporter).delete(f"/api/v1/reports/{report.pk}/")
    assert refusal.json()["code"] == "INVALID_TRANSITION"


def test_a_review_whose_author_is_erased():
    report = reported()
    request_erasure(Review.objects.get(pk=report.content_id).author, actor=None)

    assert_moot(report)


def test_a_withdrawn_reply_and_one_that_goes_with_its_review():
    withdrawn, orphaned = published_reply(), published_reply()
    reports = [report_of("reply", reply) for reply in (withdrawn, orphaned)]
    withdraw_reply(withdrawn.review_id, member=withdrawn.revisions.get().author)
    withdraw_review(orphaned.review_id, author=orphaned.review.author)

    for report in reports:
        assert_moot(report)


def test_a_reply_that_comes_back_is_looked_at_after_all():
    reply = published_reply()
    report, member = report_of("reply", reply), reply.revisions.get().author
    withdraw_reply(reply.review_id, member=member)
    assert_moot(report)

    write_reply(reply.review_id, member=member, text="And again.")

    assert outcome(report)["status"] == "pending"
    assert Case.objects.open().get(content_id=reply.pk).queue == "reports"
    assert VendorReply.objects.get(pk=reply.pk).report_count == 1


def test_an_edit_leaves_the_report_waiting():
    report = reported()
    author = api_client_for(Review.objects.get(pk=report.content_id).author)
    author.patch(f"/api/v1/reviews/{report.content_id}/", {"comment": "Something else."}, format="json")

    told = outcome(report)
    assert (told["status"], told["outcome"], told["reviewed_at"]) == ("pending", None, None)


def test_a_product_that_is_no_longer_offered_can_still_be_read_and_so_is_looked_at():
    product = approved_review().product
    report = report_of("product", product)
    Product.objects.filter(pk=product.pk).update(is_active=False)

    assert outcome(report)["status"] == "pending"
    assert Case.objects.open().filter(content_id=product.pk).exists()


def test_what_somebody_has_looked_at_stays_so_after_a_withdrawal():
    report = reported()
    decided(report.case, "dismiss", "no_violation")
    withdraw_review(report.content_id, author=Review.objects.get(pk=report.content_id).author)

    told = outcome(report)
    assert told["status"] == "dismissed"
    assert told["reviewed_at"]


def test_moot_reports_count_for_transparency_as_received_and_for_no_outcome():
    report = reported()
    withdraw_review(report.content_id, author=Review.objects.get(pk=report.content_id).author)
    run_due_jobs()

    told = api_client_for().get("/api/v1/transparency/").json()
    assert told["totals"]["reports"] == 1
    assert {row["action"] for row in told["decisions"]} <= {"approve"}
    assert Report.objects.get().status == "moot"
