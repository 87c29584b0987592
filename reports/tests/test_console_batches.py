"""Deciding on many cases at once: previewed, one by one, each told."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reports.models import Case, Decision
from reports.services.claiming import claim_case
from reports.tests.factories import moderator, reported
from reviews.models import Review
from reviews.screening import screen
from reviews.services import edit_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

BATCH = "/admin/moderation/batch/"
PART = {"HX-Request": "true"}


@pytest.fixture
def console(client):
    client.force_login(moderator())
    return client


def by_hand():
    return Decision.objects.filter(automated=False)


def text(answer):
    return answer.content.decode()


def batch(console, cases, headers=PART, **fields):
    return console.post(BATCH, {"selected": [case.pk for case in cases], **fields}, headers=headers)


def versions(cases):
    return {f"version_{case.pk}": case.version for case in cases}


def waiting():
    review = pending_review(delivered_purchase())
    screen(review.pk)
    run_due_jobs()
    return Case.objects.open().get(content_id=review.pk)


def test_a_preview_counts_and_says_why_some_would_be_left(console):
    public, pending, busy = reported().case, waiting(), reported().case
    claim_case(busy.pk, moderator=moderator(username="grace"))

    page = text(batch(console, [public, pending, busy], action="hide"))

    assert "Hide: 1 of 3." in page
    assert "“Hide” does not fit: it is pending." in page
    assert "grace works on it." in page
    assert not by_hand().exists()


def test_the_action_that_fits_most_is_suggested(console):
    assert "Approve: 2 of 3." in text(batch(console, [waiting(), waiting(), reported().case]))


def test_a_batch_is_decided_one_by_one_and_can_be_undone_as_one(console):
    cases = [reported().case for _ in range(3)]
    answer = batch(console, cases, action="hide", reason="spam", confirmed=1, **versions(cases))

    events = json.loads(answer["HX-Trigger-After-Swap"])
    assert events["moderation:told"]["words"] == "3 of 3 decided."
    assert len(events["moderation:told"]["decisions"]) == 3
    assert set(events["moderation:decided"]["cases"]) == {str(case.pk) for case in cases}
    assert not Review.objects.public().exists()
    undone = console.post("/admin/moderation/undo/", {"decision": events["moderation:told"]["decisions"]}).json()
    assert undone["words"] == "Undone: 3 decisions."
    assert Review.objects.public().count() == 3


def test_what_has_changed_since_the_preview_is_left_and_told(console):
    report, other = reported(), reported()
    cases = [report.case, other.case]
    review = Review.objects.get(pk=report.content_id)
    edit_review(review.pk, author=review.author, changes={"title": "Another"})
    run_due_jobs()

    page = text(batch(console, cases, action="hide", reason="spam", confirmed=1, **versions(cases)))

    assert "1 of 2 decided." in page
    assert by_hand().get().content_id == other.content_id


def test_only_what_the_preview_allowed_is_decided_and_a_reason_is_needed(console):
    case, unseen = reported().case, reported().case
    page = text(batch(console, [case, unseen], action="hide", confirmed=1, **versions([case])))

    assert "Please choose a reason" in page
    assert "Left as it is." in page
    assert not by_hand().exists()


def test_previewing_takes_as_many_queries_for_more_cases(console):
    def queries(cases):
        with CaptureQueriesContext(connection) as captured:
            batch(console, cases)
        return len(captured)

    cases = [reported(approved_review()).case for _ in range(6)]

    assert queries(cases[:2]) == queries(cases)


def test_nothing_selected_and_nonsense_are_answered(console):
    assert "Nothing is selected" in text(console.post(BATCH, {"selected": ["x", ""]}, headers=PART))
    assert console.post(BATCH).status_code == 302
    case = reported().case
    assert "Decide on 1 case" in text(batch(console, [case], headers={}))
    assert batch(console, [case], action="suspend", confirmed=1, **versions([case])).status_code == 200
