"""report_count and reporters' records equal the rows: when reports go, when somebody is erased, after any drift."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from orders.models import Product
from orders.tests.test_reconcile_order_status import reconcile
from reports.erasure import forget_reports
from reports.gauges import oldest_case, open_cases, open_proposals, overdue_cases, pending_appeals, waiting_notices
from reports.models import Case, Evidence, Report
from reports.services.deleting import delete_reports
from reports.services.evidence import add_evidence
from reports.services.reporting import submit_report, withdraw_report
from reports.tests.factories import decided, reported
from reports.tests.test_api_reports import a_pdf, a_picture
from reviews import files
from reviews.models import Review, VendorReply
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import PermissionDenied
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def count_of(review_id):
    return Review.objects.values_list("report_count", flat=True).get(pk=review_id)


def with_file(report, data):
    file = SimpleUploadedFile("x", data)
    evidence, _ = add_evidence(report.pk, reporter=report.reporter, file=file, size=len(data))
    return evidence.file


def run_sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE reviews_review SET report_count = 7",
        "UPDATE orders_product SET report_count = 0",
        "DELETE FROM reports_report WHERE content_type = 'review'",
        "UPDATE reports_reporterrecord SET actioned = 5",
        "DELETE FROM reports_reporterrecord",
    ],
)
def test_planted_drift_is_found_and_mended(damage):
    report = reported()
    product = Product.objects.get(reviews=report.content_id)
    submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")
    withdraw_report(reported(Review.objects.get(pk=report.content_id)).pk, reporter=Report.objects.last().reporter)
    decided(Case.objects.open().get(content_type="review"), "hide")
    run_due_jobs()
    assert reconcile("reports") == (0, {"reports": reconcile("reports")[1]["reports"]})
    assert reconcile("reports")[1]["reports"]["drifted"] == 0

    run_sql(damage)
    code, found = reconcile("reports")
    assert (code, found["reports"]["drifted"] > 0) == (1, True)
    assert reconcile("reports", "--fix")[0] == 0
    assert reconcile("reports")[0] == 0

    for model, kind in ((Review, "review"), (Product, "product"), (VendorReply, "reply")):
        for content in model.objects.all():
            standing = Report.objects.standing().filter(content_type=kind, content_id=content.pk)
            assert content.report_count == standing.count()
    assert Entry.objects.filter(verb="reconcile.reports_fixed").exists()


def test_a_record_whose_job_is_still_to_run_is_pending_and_not_drift():
    decided(reported().case, "hide")

    code, found = reconcile("reports")

    assert (code, found["reports"]["pending"], found["reports"]["drifted"]) == (0, 1, 0)


def test_keys_are_compared_page_by_page_over_all_tables():
    for _ in range(4):
        reported()
    keys = Review.objects.count() + Product.objects.count() + Report.objects.values("reporter").distinct().count()

    assert reconcile("reports", "--batch-size", "3")[1]["reports"]["checked"] == keys
    assert reconcile("reports", "--since", "2020-01-01")[1]["reports"]["checked"] == keys
    assert reconcile("reports", "--since", "2100-01-01")[1]["reports"]["checked"] == 0
    review = Review.objects.first()
    assert reconcile("reports", "--id", str(review.pk))[1]["reports"]["checked"] == 1


def test_erasing_a_reporter_withdraws_what_waits_and_keeps_no_word_and_no_file():
    reporter = UserFactory()
    waiting, settled = reported(reporter=reporter), reported(reporter=reporter)
    kept = [with_file(waiting, a_pdf()), with_file(settled, a_picture())]
    Report.objects.update(description="I live next door to them.")
    decided(settled.case, "hide")
    other = reported(Review.objects.get(pk=waiting.content_id))

    while forget_reports(reporter, 1):
        pass
    run_due_jobs()

    waiting.refresh_from_db(), settled.refresh_from_db(), other.refresh_from_db()
    assert (waiting.status, settled.status, other.status) == ("withdrawn", "actioned", "pending")
    assert (count_of(waiting.content_id), count_of(settled.content_id)) == (1, 1)
    assert [each.description for each in (waiting, settled)] == ["", ""]
    assert waiting.snapshot["comment"]  # what they saw is somebody else's
    assert not Evidence.objects.exists()
    assert [files.read(name) for name in kept] == [None, None]
    assert other.snapshot
    assert reconcile("reports")[0] == 0


def test_deleting_reports_takes_the_right_and_moves_their_counts():
    review = approved_review()
    first, second = reported(review), reported(review)
    name = with_file(first, a_pdf())
    withdraw_report(second.pk, reporter=second.reporter)
    with pytest.raises(PermissionDenied):
        delete_reports([first.pk], actor=UserFactory(is_staff=True), reason="privacy")
    by = UserFactory(permissions=["reports.delete_report"], is_staff=True)

    assert delete_reports([first.pk, second.pk, review.pk], actor=by, reason="privacy") == 2
    run_due_jobs()

    assert (count_of(review.pk), Report.objects.count(), files.read(name)) == (0, 0, None)
    assert Case.objects.get().state == "closed"
    assert Entry.objects.filter(verb="report.deleted").count() == 2
    assert reconcile("reports")[0] == 0


def test_gauges_tell_what_waits_and_how_long(settings):
    decided(reported().case, "dismiss", "no_violation")
    decided(reported(reason="illegal").case, "suspend", "illegal")
    Case.objects.open().update(due_at="2026-01-01T00:00Z", opened_at="2026-01-01T00:00Z")

    assert open_cases() == {("pending",): 0, ("reports",): 1, ("appeals",): 0, ("restricted",): 0}
    assert overdue_cases()[("reports",)] == 1
    assert oldest_case() > 86_400
    assert (pending_appeals(), open_proposals()) == (0, 1)
    assert waiting_notices() >= 1
