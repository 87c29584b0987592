"""Reporting over HTTP: receipts, outcomes, files."""

from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from pypdf import PdfWriter

from reports.models import Case, Evidence, Report
from reports.orphans import delete_orphans
from reports.services.reporting import submit_report
from reports.tests.factories import decided, moderator, reported
from reviews import files
from reviews.models import Review
from reviews.tests.factories import approved_review, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
URL = "/api/v1/reports/"


def body(review, **changes):
    return {"content_type": "review", "content_id": str(review.pk), "reason": "spam", "description": "Look."} | changes


def code_of(answer):
    return answer.status_code, answer.json()["code"]


def a_pdf(pages=2, password=None):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=200, height=200)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def a_picture():
    out = BytesIO()
    image = Image.new("RGB", (60, 40), (200, 10, 10))
    exif = image.getexif()
    exif[0x010E] = "where I live"
    image.save(out, "PNG", exif=exif)
    return out.getvalue()


def add(report, data, name="evidence.pdf", by=None):
    client = api_client_for(by or report.reporter)
    return client.post(f"{URL}{report.pk}/evidence/", {"file": SimpleUploadedFile(name, data)}, format="multipart")


def test_a_report_is_answered_with_a_receipt_and_listed_with_its_outcome(settings):
    settings.UNDO_SECONDS = 0
    review, reporter = approved_review(), UserFactory()
    client = api_client_for(reporter)
    created = client.post(URL, body(review), format="json")
    assert created.status_code == 201
    assert created.json()["status"] == "pending"
    report = Report.objects.get(pk=created.json()["id"])
    (listed,) = client.get("/api/v1/me/reports/").json()["results"]
    assert (listed["status"], listed["outcome"], listed["decision"]) == ("pending", None, None)

    decision = decided(report.case, "hide")
    (listed,) = client.get("/api/v1/me/reports/").json()["results"]
    assert listed["status"] == "actioned"
    assert "taken action" in listed["outcome"]
    assert (listed["decision"], bool(listed["reviewed_at"])) == (str(decision.pk), True)


def test_reports_are_refused_with_the_codes_of_the_contract(settings):
    review, reporter = approved_review(), UserFactory()
    client = api_client_for(reporter)
    assert code_of(api_client_for().post(URL, body(review), format="json")) == (401, "AUTH_REQUIRED")
    assert code_of(api_client_for(review.author).post(URL, body(review), format="json")) == (
        403,
        "SELF_REPORT_PROHIBITED",
    )
    assert client.post(URL, body(review), format="json").status_code == 201
    assert code_of(client.post(URL, body(review), format="json")) == (409, "ALREADY_REPORTED")
    assert code_of(client.post(URL, body(pending_review()), format="json")) == (404, "REVIEW_NOT_FOUND")
    product = body(review, content_type="product", content_id=str(uuid4()))
    assert code_of(client.post(URL, product, format="json")) == (404, "NOT_FOUND")
    suspended = UserFactory(suspended_at=timezone.now())
    assert code_of(api_client_for(suspended).post(URL, body(review), format="json")) == (403, "ACCOUNT_SUSPENDED")
    settings.REPORTS_PER_MINUTE = 2
    hasty = api_client_for(UserFactory())
    answers = [hasty.post(URL, body(approved_review()), format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2]["Retry-After"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content_type": "user"}, "content_type"),
        ({"content_id": "x"}, "content_id"),
        ({"reason": "because"}, "reason"),
        ({"reason": "no_violation"}, "reason"),
        ({"description": "x" * 2_001}, "description"),
        ({"description": "a\0b"}, "description"),
    ],
)
def test_a_report_that_cannot_be_understood_names_its_field(change, field):
    answer = api_client_for(UserFactory()).post(URL, body(approved_review(), **change), format="json")

    assert code_of(answer) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == field


def test_withdrawing_is_for_the_reporter_while_the_report_waits():
    report = reported()
    url = f"{URL}{report.pk}/"
    assert code_of(api_client_for(UserFactory()).delete(url)) == (404, "NOT_FOUND")
    own = api_client_for(report.reporter)
    assert [own.delete(url).status_code, own.delete(url).status_code] == [204, 204]
    assert Review.objects.get(pk=report.content_id).report_count == 0
    other = reported()
    decided(other.case, "dismiss", "no_violation")
    assert code_of(api_client_for(other.reporter).delete(f"{URL}{other.pk}/")) == (409, "INVALID_TRANSITION")


def test_my_reports_take_the_same_queries_for_twice_as_many(django_assert_num_queries):
    reporter = UserFactory()
    client = api_client_for(reporter)
    for _ in range(2):
        add(reported(reporter=reporter), a_picture())
    with django_assert_num_queries(3) as queries:
        client.get("/api/v1/me/reports/")
    for _ in range(2):
        reported(reporter=reporter)
    with django_assert_num_queries(len(queries)):
        assert len(client.get("/api/v1/me/reports/").json()["results"]) == 4


def test_evidence_is_measured_here_told_by_its_content_and_kept_once():
    report = reported()
    pdf = a_pdf(pages=3)
    answer = add(report, pdf, name="holiday.jpg")
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["kind"], shown["byte_count"], shown["page_count"]) == ("pdf", len(pdf), 3)
    assert add(report, pdf).status_code == 200

    shown = add(report, a_picture(), name="x.pdf").json()
    assert (shown["kind"], shown["content_type"], shown["page_count"]) == ("image", "image/jpeg", 1)
    kept = files.read(Evidence.objects.get(pk=shown["id"]).file)
    assert b"where I live" not in kept
    assert shown["byte_count"] == len(kept)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>",
        b"MZ\x90",
        b"%PDF-1.7 and nothing else",
        b"\n%PDF-1.4 not at the beginning",
        a_pdf(password="secret"),
        a_pdf(pages=0),
        a_pdf()[:-300],
        b"GIF89a",
    ],
    ids=["html", "program", "broken", "late", "encrypted", "empty", "cut", "gif"],
)
def test_what_is_no_readable_pdf_or_picture_is_refused(data):
    report = reported()

    assert code_of(add(report, data)) == (415, "FILE_TYPE_NOT_ALLOWED")
    assert not Evidence.objects.exists()


def test_a_page_tree_that_leads_in_circles_is_refused():
    looping = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99999999>>endobj\ntrailer<</Root 1 0 R>>\n"
    )

    assert code_of(add(reported(), looping)) == (415, "FILE_TYPE_NOT_ALLOWED")


def test_evidence_is_bounded_in_bytes_pages_and_number(settings):
    report = reported()
    settings.EVIDENCE_MAX_PAGES = 2
    assert code_of(add(report, a_pdf(pages=3))) == (413, "FILE_TOO_LARGE")
    settings.EVIDENCE_MAX_BYTES = 1_024
    assert code_of(add(report, a_pdf() + b" " * 2_000)) == (413, "FILE_TOO_LARGE")
    assert code_of(add(report, b"x" * 100_000)) == (413, "FILE_TOO_LARGE")
    settings.EVIDENCE_MAX_FILES = 1
    assert add(report, a_picture()).status_code == 201
    settings.EVIDENCE_MAX_BYTES = 100_000
    assert code_of(add(report, a_pdf())) == (409, "INVALID_TRANSITION")


def test_evidence_is_added_by_the_reporter_and_read_by_moderators_alone():
    report = reported()
    assert code_of(add(report, a_pdf(), by=UserFactory())) == (404, "NOT_FOUND")
    url = f"/api/v1/moderation/evidence/{add(report, a_pdf()).json()['id']}/"
    assert api_client_for().get(url).status_code == 401
    assert api_client_for(report.reporter).get(url).status_code == 403
    answer = api_client_for(moderator()).get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Cache-Control"] == "private, no-store"
    decided(Case.objects.get(), "dismiss", "no_violation")
    assert code_of(add(report, a_picture())) == (409, "INVALID_TRANSITION")


def test_files_without_a_row_are_swept_and_those_with_one_stay():
    add(reported(), a_pdf())
    kept = Evidence.objects.get().file
    files.store("evidence/ab/abandoned.pdf", b"%PDF-")
    folders = ["evidence/ab", kept.rpartition("/")[0]]

    assert delete_orphans(folders) == 0
    assert delete_orphans(folders, now=timezone.now() + timedelta(days=2)) == 1
    assert files.read(kept) is not None


def test_a_product_is_reported_over_http_too():
    product = approved_review().product
    report = submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="illegal")
    run_due_jobs()

    assert report.case.state == "open"
