"""Files of reporters: originals are downloads, previews are pictures of ours, each reading is recorded."""

from io import BytesIO

import pytest
from django.test import Client
from PIL import Image

from reports.models import Evidence
from reports.services.evidence import add_evidence
from reports.tests.factories import moderator, reported
from reports.tests.test_api_reports import a_pdf
from reviews import files
from reviews.tests.pictures import picture
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def evidence(data):
    report = reported()
    return add_evidence(report.pk, reporter=report.reporter, file=BytesIO(data), size=len(data))[0]


def console(user):
    client = Client()
    client.force_login(user)
    return client


def doors(file, reader):
    """Every door by which the original is read, with what the entry calls it."""
    return [
        ("api", api_client_for(reader).get(f"/api/v1/moderation/evidence/{file.pk}/")),
        ("console", console(reader).get(f"/admin/reports/report/evidence/{file.pk}/")),
    ]


def readings():
    return [
        (entry.actor_id, entry.after["door"], entry.after["read"], entry.after["evidence"])
        for entry in Entry.objects.filter(verb="report.evidence_read").order_by("position")
    ]


@pytest.mark.parametrize(("kind", "ending"), [("picture", "jpg"), ("pdf", "pdf")])
def test_an_original_is_a_download_by_every_door_and_each_reading_is_recorded(kind, ending):
    file, reader = evidence(picture() if kind == "picture" else a_pdf()), moderator()

    for door, answer in doors(file, reader):
        assert answer.status_code == 200, door
        assert answer["Content-Disposition"].startswith("attachment; filename=")
        assert answer["Content-Disposition"].endswith(f'.{ending}"')
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]
        assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))
        assert answer.content == files.read(file.file)

    assert readings() == [(reader.pk, door, "original", str(file.pk)) for door in ("api", "console")]


def test_a_preview_is_encoded_anew_and_recorded():
    file, reader = evidence(picture(size=(60, 40))), moderator()
    files.store(file.file, (files.read(file.file) or b"") + b"<script>what somebody appended</script>")

    answer = console(reader).get(f"/admin/reports/report/evidence/{file.pk}/preview/")

    assert (answer.status_code, answer["Content-Type"], answer["Content-Disposition"]) == (200, "image/jpeg", "inline")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"script" not in answer.content
    assert Image.open(BytesIO(answer.content)).size == (60, 40)
    assert readings() == [(reader.pk, "console", "preview", str(file.pk))]


def test_a_pdf_has_no_preview_and_what_is_gone_is_not_found():
    file = evidence(a_pdf())
    page = console(moderator())
    assert page.get(f"/admin/reports/report/evidence/{file.pk}/preview/").status_code == 404
    Evidence.objects.all().delete()
    assert page.get(f"/admin/reports/report/evidence/{file.pk}/").status_code == 404
    assert readings() == []


def test_others_of_the_staff_read_nothing_and_leave_no_entry():
    file = evidence(picture())
    finance = StaffFactory(groups=["Finance"])
    assert {answer.status_code for _, answer in doors(file, finance)} == {403}
    assert console(finance).get(f"/admin/reports/report/evidence/{file.pk}/preview/").status_code == 403
    assert readings() == []


def test_the_pages_lead_to_download_and_preview():
    file = evidence(picture())
    report = file.report
    page = console(moderator()).get(f"/admin/reports/report/{report.pk}/change/").content.decode()
    desk = console(moderator()).get(f"/admin/moderation/?case={report.case_id}").content.decode()
    for shown in (page, desk):
        assert f"/admin/reports/report/evidence/{file.pk}/preview/" in shown
        assert f'/admin/reports/report/evidence/{file.pk}/"' in shown


def test_a_bucket_is_asked_for_a_download_too(settings, monkeypatch):
    file, reader = evidence(a_pdf()), moderator()
    settings.S3_BUCKET = "evidence"
    asked = []
    monkeypatch.setattr(files, "signed_url", lambda name, disposition="": asked.append(disposition) or "https://b/x")

    answer = api_client_for(reader).get(f"/api/v1/moderation/evidence/{file.pk}/")

    assert (answer.status_code, answer["Location"]) == (302, "https://b/x")
    assert asked[0].startswith("attachment; filename=")
    assert readings() == [(reader.pk, "api", "original", str(file.pk))]
