"""Evidence is metered for the reporter, and never for the vendor it is about."""

import pytest

from billing.tests.billing_worlds import limited, reserved_of, used
from reports.models import Evidence
from reports.tests.factories import reported
from reports.tests.test_api_reports import a_pdf, a_picture, add


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.mark.django_db
def test_evidence_is_metered_by_bytes_and_pages_for_its_reporter():
    report = reported()
    profile = report.reporter.customer_profile

    assert add(report, a_pdf(pages=3)).status_code == 201
    assert add(report, a_picture(), "picture.png").status_code == 201
    assert add(report, a_pdf(pages=3)).status_code == 200

    sizes = Evidence.objects.values_list("byte_count", flat=True)
    assert (used(profile, "uploaded_bytes"), used(profile, "uploaded_pages")) == (sum(sizes), 4)


@pytest.mark.django_db(transaction=True)
def test_a_file_of_more_pages_than_are_left_is_refused_and_not_kept(media):
    report = reported()
    limited(report.reporter.customer_profile, uploaded_pages=3)

    answers = [add(report, a_pdf(pages)) for pages in (2, 3, 1)]

    assert [answer.status_code for answer in answers] == [201, 429, 201]
    assert (answers[1].json()["code"], answers[1].json()["left"]) == ("QUOTA_EXCEEDED", 1)
    assert len([path for path in media.rglob("*") if path.is_file()]) == 2
    assert used(report.reporter.customer_profile, "uploaded_pages") == 3
    assert reserved_of(report.reporter.customer_profile, "uploaded_pages") == 0
