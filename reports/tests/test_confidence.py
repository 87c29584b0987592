"""Who reported is told to nobody but those who may see identities: on no page of the console, by no search."""

from io import BytesIO

import pytest
from django.test import Client

from reports.models import Appeal, Decision, Report, StatementOfReasons
from reports.services.appeals import appeal
from reports.services.evidence import add_evidence
from reports.services.reporting import submit_report, withdraw_report
from reports.tests.console_pages import listing, page, text
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.tests.factories import approved_review
from reviews.tests.pictures import picture
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
CASES = "/api/v1/moderation/cases/"


@pytest.fixture
def reporter(settings, tmp_path):
    """Somebody who has reported, added a file, withdrawn, appealed and been told."""
    settings.UNDO_SECONDS, settings.MEDIA_ROOT = 0, tmp_path
    reporter = UserFactory()
    report = reported(reporter=reporter)
    data = picture()
    add_evidence(report.pk, reporter=reporter, file=BytesIO(data), size=len(data))
    made = decided(report.case, "dismiss", "no_violation", moderator(username="decider"))
    appeal(made.pk, appellant=reporter, text="Look again.")
    withdraw_report(reported(reporter=reporter).pk, reporter=reporter)
    reported(reporter=reporter)
    run_due_jobs()
    return reporter


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def pages():
    yield "/admin/"
    yield "/admin/moderation/"
    for name in ("report", "case", "appeal", "decision", "statementofreasons"):
        yield listing(name)
    for model in (Report, Appeal, Decision, StatementOfReasons):
        yield from (page(row) for row in model.objects.all())
    for report in Report.objects.exclude(case=None).distinct("case"):
        yield page(report.case)
        yield f"/admin/moderation/?case={report.case_id}"
    yield "/admin/audit/entry/"
    yield from (f"/admin/audit/entry/{entry.pk}/change/" for entry in Entry.objects.filter(verb__startswith="report."))


def test_no_page_of_the_console_names_a_reporter_to_a_moderator(reporter):
    plain, privileged = signed_in(moderator()), signed_in(senior())
    addresses = list(pages())
    assert len(addresses) > 20

    seen = 0
    for address in addresses:
        assert str(reporter.pk)[-8:] not in text(plain.get(address)), address
        shown = text(privileged.get(address))
        seen += str(reporter.pk)[-8:] in shown or str(reporter) in shown
    assert seen >= 5


@pytest.mark.parametrize("name", ["report", "appeal", "statementofreasons"])
def test_a_search_for_a_reporters_id_finds_nothing_for_moderators(reporter, name):
    for user, expected in ((moderator(), False), (senior(), True)):
        answer = signed_in(user).get(listing(name), {"q": str(reporter.pk)})
        assert bool(list(answer.context["cl"].result_list)) == expected, user


def test_the_audit_is_not_searched_for_what_a_reporter_did(reporter):
    colleague = moderator(username="colleague")
    reported(reporter=colleague)
    for query in (str(reporter.pk), str(colleague.pk), "colleague"):
        answer = signed_in(moderator()).get("/admin/audit/entry/", {"q": query})
        found = {entry.verb for entry in answer.context["cl"].result_list}
        assert not found & {"report.submitted", "report.withdrawn", "report.evidence_added", "appeal.made"}, query
    answer = signed_in(senior()).get("/admin/audit/entry/", {"q": str(reporter.pk)})
    assert "report.submitted" in {entry.verb for entry in answer.context["cl"].result_list}


def test_ones_own_reports_and_what_colleagues_decide_stay_named(reporter):
    own = moderator(username="colleague")
    report = reported(reporter=own)
    assert "colleague" in text(signed_in(own).get(page(report)))
    assert "colleague" not in text(signed_in(moderator()).get(page(report)))
    decision = Decision.objects.filter(moderator__isnull=False).first()
    assert "decider" in text(signed_in(moderator()).get(page(decision)))


def test_a_look_back_at_the_author_of_a_case_names_nobody():
    report = reported()
    client = api_client_for(moderator())
    answer = client.post(f"{CASES}{report.case_id}/look-back/", {"reason": "fake"}, format="json")
    assert (answer.status_code, answer.json()["author"]) == (202, None)
    run_due_jobs()
    undone = api_client_for(senior()).post(f"/api/v1/moderation/look-backs/{answer.json()['id']}/undo/")
    assert undone.json()["author"] == str(Review.objects.get(pk=report.content_id).author_id)
    product = submit_report(
        reporter=UserFactory(), content_type="product", content_id=approved_review().product_id, reason="spam"
    )
    assert client.post(f"{CASES}{product.case_id}/look-back/", {"reason": "fake"}, format="json").status_code == 404


def test_no_answer_to_moderators_holds_the_id_of_an_author_or_a_reporter():
    report = reported()
    author, reporter = Review.objects.get(pk=report.content_id).author, report.reporter
    decision = decided(report.case, "hide")
    appeal(decision.pk, appellant=author, text="No.")
    other = decided(reported(approved_review(), reporter=reporter).case, "dismiss", "no_violation")
    appeal(other.pk, appellant=reporter, text="Yes.")
    client = api_client_for(moderator())
    names = ("cases", "decisions", "appeals", "proposals")
    addresses = [f"/api/v1/moderation/{name}/" for name in names] + [f"{CASES}{report.case_id}/"]

    for address in addresses:
        text = client.get(address).content.decode()
        assert str(author.pk) not in text, address
        assert str(reporter.pk) not in text, address
    shown = api_client_for(senior()).get("/api/v1/moderation/appeals/").content.decode()
    assert str(author.pk) in shown
    assert str(reporter.pk) in shown
