"""Reports: one each, counted exactly, with the content as it was."""

from contextlib import suppress
from functools import partial

import pytest

from orders.models import Product
from reports.errors import AlreadyReported, SelfReportProhibited
from reports.models import Case, Report
from reports.services.reporting import submit_report, withdraw_report
from reports.tests.factories import decided, reported
from reviews.errors import ReviewNotFound
from reviews.models import Review
from reviews.services import edit_review
from reviews.tests.factories import approved_review, pending_review
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db


def report_count(review: Review) -> int:
    return Review.objects.values_list("report_count", flat=True).get(pk=review.pk)


def test_a_report_counts_opens_a_case_and_keeps_the_content_as_it_was():
    review = approved_review(comment="As it was reported.")
    report = reported(review, reason="offensive")

    assert report_count(review) == 1
    case = Case.objects.get()
    assert (case.queue, case.state, case.content_id, report.case) == ("reports", "open", review.pk, case)
    assert report.snapshot["comment"] == "As it was reported."
    edit_review(review.pk, author=review.author, changes={"comment": "Something else now."})
    report.refresh_from_db()
    assert report.snapshot["comment"] == "As it was reported."
    assert Entry.objects.filter(verb="report.submitted").count() == 1


def test_further_reports_feed_the_same_case():
    review = approved_review()
    reported(review)
    reported(review, reason="illegal")

    case = Case.objects.get()
    assert report_count(review) == 2
    assert "against the law" in case.parts[0]["words"]


def test_nobody_reports_the_same_twice_also_not_after_withdrawing():
    review, reporter = approved_review(), UserFactory()
    report = reported(review, reporter=reporter)
    with pytest.raises(AlreadyReported):
        reported(review, reporter=reporter)
    withdraw_report(report.pk, reporter=reporter)
    withdraw_report(report.pk, reporter=reporter)

    assert report_count(review) == 0
    with pytest.raises(AlreadyReported):
        reported(review, reporter=reporter)
    run_due_jobs()
    assert Case.objects.get().state == "closed"


def test_nobody_reports_what_is_their_own_or_what_they_cannot_see():
    review = approved_review()
    with pytest.raises(SelfReportProhibited):
        reported(review, reporter=review.author)
    with pytest.raises(ReviewNotFound):
        reported(pending_review())
    member = MembershipFactory(profile=review.product.vendor).user
    with pytest.raises(SelfReportProhibited):
        submit_report(reporter=member, content_type="product", content_id=review.product_id, reason="other")
    with pytest.raises(InvalidInput):
        reported(review, reason="approved_ok")


def test_a_product_is_reported_and_counted_like_a_review():
    product = approved_review().product
    submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")

    assert Product.objects.get(pk=product.pk).report_count == 1


def test_a_decided_report_cannot_be_withdrawn():
    report = reported()
    decided(report.case, "hide")

    with pytest.raises(InvalidTransition):
        withdraw_report(report.pk, reporter=report.reporter)


@pytest.mark.django_db(transaction=True)
def test_parallel_reports_of_one_content_make_one_case_and_an_exact_count():
    review = approved_review()
    reporters = UserFactory.create_batch(8)

    at_once(*[partial(reported, review, reporter=reporter) for reporter in reporters])

    assert Case.objects.count() == 1
    assert report_count(review) == Report.objects.count() == 8


@pytest.mark.django_db(transaction=True)
def test_the_same_report_at_once_counts_once():
    review, reporter = approved_review(), UserFactory()

    def attempt() -> None:
        with suppress(AlreadyReported):
            reported(review, reporter=reporter)

    at_once(*[attempt] * 6)

    assert report_count(review) == Report.objects.count() == 1
