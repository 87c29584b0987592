"""Moderation over HTTP: the desk, decisions, second persons, appeals."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Product
from reports.models import Appeal, Case, Decision, Report, StatementOfReasons
from reports.services.appeals import appeal
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.screening import screen
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
CASES = "/api/v1/moderation/cases/"


def code_of(answer):
    return answer.status_code, answer.json()["code"]


def author_of(report):
    return User.objects.get(pk=Review.objects.get(pk=report.content_id).author_id)


def a_pending_case():
    review = pending_review(delivered_purchase(), comment="Call me: +49 151 23456789")
    screen(review.pk)
    run_due_jobs()
    return Case.objects.get(content_id=review.pk)


def test_the_whole_line_from_a_report_to_a_ruling_that_gives_everything_back(settings):
    settings.UNDO_SECONDS = 0
    report = reported(reason="fake")
    author, one, other = author_of(report), api_client_for(moderator()), api_client_for(moderator())
    case = one.post(f"{CASES}next/", {"queue": "reports"}, format="json").json()
    assert (case["id"], case["content_id"]) == (str(report.case_id), str(report.content_id))
    decision = {"action": "hide", "reason_code": "fake", "note": "n", "facts": "Copied.", "version": case["version"]}
    taken = one.post(f"{CASES}{case['id']}/decisions/", decision, format="json")
    assert taken.status_code == 201
    assert not Review.objects.get(pk=report.content_id).is_public
    run_due_jobs()

    writer = api_client_for(author)
    told, published = writer.get("/api/v1/me/decisions/").json()["results"]
    assert (published["action"], published["automated"], published["appealable_until"]) == ("approve", True, None)
    assert (told["id"], told["action"], told["reason_code"]) == (taken.json()["id"], "hide", "fake")
    assert "Copied." in told["text"]
    assert told["appealable_until"]
    made = writer.post(f"/api/v1/decisions/{told['id']}/appeal/", {"text": "It is my own."}, format="json")
    assert made.status_code == 201
    assert code_of(writer.post(f"/api/v1/decisions/{told['id']}/appeal/", {"text": "Again."}, format="json")) == (
        409,
        "ALREADY_APPEALED",
    )
    (waiting,) = other.get("/api/v1/moderation/appeals/?state=pending").json()["results"]
    url = f"/api/v1/moderation/appeals/{waiting['id']}/ruling/"
    ruling = {"ruling": "overturn", "text": "It is genuine."}
    assert code_of(one.post(url, ruling, format="json")) == (403, "PERMISSION_DENIED")
    assert other.post(url, ruling, format="json").json()["state"] == "overturned"
    assert code_of(other.post(url, ruling, format="json")) == (409, "INVALID_TRANSITION")

    assert Review.objects.get(pk=report.content_id).is_public
    report.refresh_from_db()
    assert report.status == "dismissed"
    run_due_jobs()
    told = writer.get("/api/v1/me/decisions/").json()["results"]
    assert [each["action"] for each in told] == ["overturn", "hide", "approve"]
    assert (told[1]["stands"], told[1]["appeal"]["ruling_text"]) == (False, "It is genuine.")
    assert not Case.objects.open().exists()


def test_a_case_shows_what_a_decision_needs_and_no_reporter():
    case = a_pending_case()
    report = reported(Review.objects.get(pk=reported().content_id), reason="privacy")
    plain, privileged = api_client_for(moderator()), api_client_for(senior())
    shown = plain.get(f"{CASES}{case.pk}/").json()
    assert shown["content"]["waiting"]["text"].startswith("Call me")
    assert shown["signals"][0]["sentence"]
    assert shown["content"]["author"]["name"] == f"user {str(case.author_id)[-8:]}"
    assert shown["content"]["author"]["id"] is None
    assert privileged.get(f"{CASES}{case.pk}/").json()["content"]["author"]["id"] == str(case.author_id)
    assert {part["name"] for part in shown["parts"]} == {"severity", "reporters", "author", "exposure", "age"}
    assert (shown["decisions"], shown["proposal"], shown["appeals"]) == ([], None, [])

    url = f"{CASES}{report.case_id}/"
    assert len(plain.get(url).json()["reports"]) == 2
    assert {each["reporter"] for each in plain.get(url).json()["reports"]} == {None}
    assert privileged.get(url).json()["reports"][0]["reporter"]["id"] == str(report.reporter_id)
    assert str(report.reporter_id) not in plain.get(CASES).content.decode()


def test_cases_are_filtered_and_ordered():
    mild, grave = reported(reason="off_topic"), reported(reason="illegal")
    pending, by = a_pending_case(), moderator()
    client = api_client_for(by)

    def ids(query):
        return [row["id"] for row in client.get(f"{CASES}?{query}").json()["results"]]

    assert ids("queue=reports") == [str(grave.case_id), str(mild.case_id)]
    assert ids("queue=pending") == [str(pending.pk)]
    assert ids("ordering=-opened_at")[0] == str(pending.pk)
    Case.objects.filter(pk=mild.case_id).update(due_at=timezone.now() - timedelta(hours=1))
    assert ids("overdue=true") == [str(mild.case_id)]
    assert ids("ordering=due_at")[0] == str(mild.case_id)
    client.post(f"{CASES}{grave.case_id}/claim/")
    assert ids("claimed=me") == [str(grave.case_id)]
    assert str(grave.case_id) not in ids("claimed=none")
    decided(grave.case, "dismiss", "no_violation", by)
    assert ids("state=closed") == [str(grave.case_id)]
    assert str(grave.case_id) not in ids("")
    assert code_of(client.get(f"{CASES}?ordering=severity")) == (400, "INVALID_INPUT")


def test_pages_of_cases_hold_each_once():
    for _ in range(5):
        reported()
    client, seen = api_client_for(moderator()), []
    url = f"{CASES}?page_size=2"
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("path", ["cases/", "decisions/", "appeals/", "proposals/"])
def test_twice_as_many_rows_take_the_same_queries(path, django_assert_num_queries):
    def fill():
        reported()
        replied = decided(reported().case, "dismiss", "no_violation")
        appeal(replied.pk, appellant=Report.objects.get(reviewed_at=replied.created_at).reporter, text="No.")
        decided(reported(reason="illegal").case, "suspend", "illegal")
        a_pending_case()

    client = api_client_for(moderator())
    fill()
    url = f"/api/v1/moderation/{path}"
    first = len(client.get(url).json()["results"])
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(url)
    fill()
    with django_assert_num_queries(len(queries)):
        assert len(client.get(url).json()["results"]) == 2 * first


def test_next_passes_over_what_is_skipped_and_ends_with_nothing():
    first, second = reported(reason="illegal"), reported(reason="off_topic")
    client = api_client_for(moderator())
    skipped = client.post(f"{CASES}next/", {"skip": [str(first.case_id)]}, format="json")

    assert skipped.json()["id"] == str(second.case_id)
    assert client.post(f"{CASES}next/", {"queue": "appeals"}, format="json").status_code == 204


def test_claims_and_versions_are_refused_with_their_codes():
    report = reported()
    one, other = api_client_for(moderator()), api_client_for(moderator())
    case = one.post(f"{CASES}{report.case_id}/claim/").json()
    body = {"action": "dismiss", "reason_code": "no_violation", "version": case["version"]}
    url = f"{CASES}{report.case_id}/"
    assert code_of(other.post(f"{url}claim/")) == (409, "CASE_CLAIMED")
    assert code_of(other.post(f"{url}release/")) == (409, "CASE_CLAIMED")
    assert code_of(other.post(f"{url}decisions/", body, format="json")) == (409, "CASE_CLAIMED")
    stale = body | {"version": case["version"] + 1}
    assert code_of(one.post(f"{url}decisions/", stale, format="json")) == (409, "CASE_CHANGED")
    unknown = one.post(f"{url}decisions/", body | {"reason_code": "x"}, format="json")
    assert code_of(unknown) == (400, "INVALID_INPUT")
    assert code_of(one.post(f"{url}decisions/", body | {"action": "undo"}, format="json")) == (400, "INVALID_INPUT")
    assert one.post(f"{url}release/").json()["claimed_by"] is None
    assert other.post(f"{url}decisions/", body, format="json").status_code == 201
    assert code_of(one.post(f"{url}decisions/", body, format="json")) == (409, "CASE_CHANGED")


def test_a_suspension_is_a_proposal_that_a_second_person_carries_out():
    report = reported(reason="illegal")
    one, second = api_client_for(senior()), api_client_for(senior())
    case = one.post(f"{CASES}{report.case_id}/claim/").json()
    body = {"action": "suspend", "reason_code": "illegal", "version": case["version"]}
    proposed = one.post(f"{CASES}{report.case_id}/decisions/", body, format="json")
    assert (proposed.status_code, proposed.json()["state"]) == (202, "open")
    url = f"/api/v1/moderation/proposals/{proposed.json()['id']}/"
    assert code_of(one.post(f"{url}approve/")) == (403, "PERMISSION_DENIED")
    assert code_of(api_client_for(moderator()).post(f"{url}refuse/")) == (403, "PERMISSION_DENIED")
    assert second.post(f"{url}approve/").status_code == 201
    assert author_of(report).is_suspended
    assert code_of(second.post(f"{url}refuse/")) == (409, "INVALID_TRANSITION")


def test_a_suspended_author_reads_and_appeals(settings):
    settings.UNDO_SECONDS = 0
    report = reported()
    author = author_of(report)
    decision = decided(report.case, "warn")
    run_due_jobs()
    User.objects.filter(pk=author.pk).update(suspended_at=timezone.now())
    client = api_client_for(author)
    assert client.get("/api/v1/me/decisions/").json()["results"][0]["action"] == "warn"
    url = f"/api/v1/decisions/{decision.pk}/appeal/"
    assert code_of(client.post(url, {"text": " "}, format="json")) == (400, "INVALID_INPUT")
    assert client.post(url, {"text": "Why?"}, format="json").status_code == 201


def test_appeals_are_for_those_concerned_and_for_a_while(settings):
    report = reported()
    decision = decided(report.case, "hide")
    url = f"/api/v1/decisions/{decision.pk}/appeal/"
    body = {"text": "Please."}
    assert code_of(api_client_for(UserFactory()).post(url, body, format="json")) == (404, "NOT_FOUND")
    assert code_of(api_client_for(report.reporter).post(url, body, format="json")) == (404, "NOT_FOUND")
    settings.APPEAL_DAYS = 0
    assert code_of(api_client_for(author_of(report)).post(url, body, format="json")) == (409, "APPEAL_WINDOW_CLOSED")


def test_a_decision_is_not_told_before_it_can_no_longer_be_undone():
    report = reported()
    decided(report.case, "hide")
    run_due_jobs()

    assert api_client_for(author_of(report)).get("/api/v1/me/decisions/").json()["results"] == []
    (own,) = api_client_for(report.reporter).get("/api/v1/me/reports/").json()["results"]
    assert (own["status"], own["decision"]) == ("actioned", None)


def test_an_undone_decision_is_never_told_and_its_appeal_has_won(settings):
    report = reported()
    by = moderator()
    decision = decided(report.case, "hide", by=by)
    made = appeal(decision.pk, appellant=author_of(report), text="Look again.")
    undone = api_client_for(by).post(f"/api/v1/moderation/decisions/{decision.pk}/undo/")
    assert (undone.status_code, undone.json()["supersedes"]) == (201, str(decision.pk))
    settings.UNDO_SECONDS = 0
    from reports.services.statements import deliver

    assert deliver(decision.pk) == []
    made.refresh_from_db()
    assert made.state == Appeal.State.OVERTURNED
    run_due_jobs()
    assert Case.objects.open().get().queue == "reports"
    (listed,) = api_client_for(by).get("/api/v1/moderation/decisions/?action=hide").json()["results"]
    assert listed["superseded_by"] == undone.json()["id"]


def test_a_reporters_successful_appeal_reopens_the_case_and_tells_them_alone(settings):
    settings.UNDO_SECONDS = 0
    report, second = reported(), None
    second = reported(Review.objects.get(pk=report.content_id))
    decision = decided(report.case, "dismiss", "no_violation")
    made = [appeal(decision.pk, appellant=each.reporter, text="No.") for each in (report, second)]
    client = api_client_for(moderator())
    url = f"/api/v1/moderation/appeals/{made[0].pk}/ruling/"
    assert client.post(url, {"ruling": "overturn"}, format="json").status_code == 200
    run_due_jobs()

    assert {each.state for each in Appeal.objects.all()} == {"overturned"}
    assert set(Report.objects.values_list("status", flat=True)) == {"pending"}
    assert Case.objects.open().get().queue == "reports"
    told = StatementOfReasons.objects.filter(decision__action="overturn")
    assert {(each.recipient_id, each.role) for each in told} == {
        (report.reporter_id, "reporter"),
        (second.reporter_id, "reporter"),
    }


def test_a_decision_on_something_else_leaves_an_appeal_on_the_desk():
    report = reported()
    decision = decided(report.case, "dismiss", "no_violation")
    appeal(decision.pk, appellant=report.reporter, text="No.")
    case = Case.objects.open().get()
    decided(case, "hide")

    case.refresh_from_db()
    assert (case.state, case.queue, case.claimed_by) == ("open", "appeals", None)


def test_nobody_decides_about_their_own_vendors_products():
    report = reported()
    by = moderator()
    product = Product.objects.get(reviews=report.content_id)
    MembershipFactory(profile=product.vendor, user=by)
    client = api_client_for(by)
    assert code_of(client.post(f"{CASES}{report.case_id}/claim/")) == (403, "CONFLICT_OF_INTEREST")
    body = {"action": "hide", "reason_code": "spam", "version": Case.objects.get().version}
    assert code_of(client.post(f"{CASES}{report.case_id}/decisions/", body, format="json")) == (
        403,
        "CONFLICT_OF_INTEREST",
    )
    assert client.post(f"{CASES}next/", {}, format="json").status_code == 204


def test_a_look_back_opens_cases_and_is_undone_as_one(settings):
    author = UserFactory()
    for _ in range(3):
        approved_review(delivered_purchase(author))
    client = api_client_for(moderator())
    url = f"/api/v1/moderation/authors/{author.pk}/look-back/"
    assert code_of(client.post(url, {"reason": "x"}, format="json")) == (400, "INVALID_INPUT")
    started = client.post(url, {"reason": "fake"}, format="json")
    assert started.status_code == 202
    run_due_jobs()
    assert Case.objects.open().count() == 3
    undone = client.post(f"/api/v1/moderation/look-backs/{started.json()['id']}/undo/")
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    run_due_jobs()
    assert not Case.objects.open().exists()


ID = "018f6d1e-0000-7000-8000-000000000001"
STAFF_ONLY = [
    ("get", "moderation/cases/"),
    ("post", "moderation/cases/next/"),
    ("get", f"moderation/cases/{ID}/"),
    ("post", f"moderation/cases/{ID}/claim/"),
    ("post", f"moderation/cases/{ID}/release/"),
    ("post", f"moderation/cases/{ID}/decisions/"),
    ("get", "moderation/decisions/"),
    ("post", f"moderation/decisions/{ID}/undo/"),
    ("get", "moderation/appeals/"),
    ("post", f"moderation/appeals/{ID}/ruling/"),
    ("get", "moderation/proposals/"),
    ("post", f"moderation/proposals/{ID}/approve/"),
    ("post", f"moderation/proposals/{ID}/refuse/"),
    ("post", f"moderation/authors/{ID}/look-back/"),
    ("post", f"moderation/cases/{ID}/look-back/"),
    ("post", f"moderation/look-backs/{ID}/undo/"),
    ("get", f"moderation/evidence/{ID}/"),
]
OWN = [
    ("post", "reports/"),
    ("get", "me/reports/"),
    ("delete", f"reports/{ID}/"),
    ("post", f"reports/{ID}/evidence/"),
    ("get", "me/decisions/"),
    ("post", f"decisions/{ID}/appeal/"),
]


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY)
def test_the_moderators_side_is_closed_to_everybody_else(method, path):
    url = f"/api/v1/{path}"
    vendor = MembershipFactory(role="owner").user
    finance = UserFactory(groups=["Finance"], is_staff=True)

    assert code_of(getattr(api_client_for(), method)(url)) == (401, "AUTH_REQUIRED")
    for user in (UserFactory(), vendor, finance):
        assert code_of(getattr(api_client_for(user), method)(url)) == (403, "PERMISSION_DENIED")
    assert getattr(api_client_for(moderator()), method)(url).status_code not in {401, 403, 405, 500}


@pytest.mark.parametrize(("method", "path"), OWN)
def test_what_is_ones_own_takes_a_token_and_shows_nothing_of_others(method, path):
    report = reported()
    decision = decided(reported().case, "hide")
    url = f"/api/v1/{path}".replace(ID, str(decision.pk if "decisions/" in path else report.pk))

    assert code_of(getattr(api_client_for(), method)(url)) == (401, "AUTH_REQUIRED")
    answer = getattr(api_client_for(UserFactory()), method)(url)
    if method == "get":
        assert answer.json()["results"] == []
    else:
        assert answer.status_code in {400, 404, 415}
    assert Report.objects.filter(status="pending").count() == 1
    assert Decision.objects.exclude(case=None).count() == 1
