"""Rulings, second persons, look-backs and the catalogue, from their pages in the console."""

import pytest
from django.urls import reverse

from reports.models import Appeal, Case, LookBack, Proposal, ReasonCode
from reports.services.appeals import appeal
from reports.tests.console_pages import author_of, found, hidden, in_bulk, listing, page, said, text
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff():
    return moderator()


@pytest.fixture
def console(client, staff):
    client.force_login(staff)
    return client


def test_an_appeal_is_ruled_on_by_somebody_else_than_the_first_moderator(client):
    first, second = moderator(), moderator()
    decision = hidden(first)
    made = appeal(decision.pk, appellant=author_of(decision), text="It was a joke.")
    address = reverse("admin:reports_appeal_rule", args=[made.pk])
    ruling = {"ruling": "overturn", "text": "So it was."}

    client.force_login(first)
    assert "You have a part in this" in text(client.get(page(made)))
    assert found(client, "appeal", saved="for_me") == []
    client.post(address, ruling)
    assert Appeal.objects.get().state == "pending"

    client.force_login(second)
    assert found(client, "appeal", saved="for_me") == [made]
    assert "Your ruling" in text(client.get(page(made)))
    client.post(address, {"ruling": "shrug"})
    client.post(address, ruling)
    made.refresh_from_db()
    assert (made.state, made.ruled_by, made.ruling_text) == ("overturned", second, "So it was.")
    assert not Review.objects.get(pk=decision.content_id).is_hidden
    assert "So it was." in text(client.get(page(made)))


def test_a_proposal_is_carried_out_by_a_second_person_only(client):
    first, second = senior(), senior()
    proposal = decided(reported(reason="illegal").case, "remove", "illegal", first)
    assert isinstance(proposal, Proposal)

    client.force_login(first)
    assert "second person" in said(in_bulk(client, "approve", proposal))
    assert "Withdraw" in text(client.get(page(proposal)))
    client.force_login(second)
    assert "Approve and carry out" in text(client.get(page(proposal)))
    client.post(reverse("admin:reports_proposal_settle", args=[proposal.pk]), {"settle": "approve"})

    proposal.refresh_from_db()
    assert (proposal.state, proposal.settled_by) == ("approved", second)
    assert Review.objects.get(pk=proposal.case.content_id).removed_at is not None


def test_a_moderator_may_not_approve_and_the_proposer_may_withdraw(client):
    first = moderator()
    proposal = decided(reported(reason="illegal").case, "remove", "illegal", first)
    client.force_login(moderator())
    client.post(reverse("admin:reports_proposal_settle", args=[proposal.pk]), {"settle": "approve"})
    assert Proposal.objects.get().state == "open"

    client.force_login(first)
    client.post(reverse("admin:reports_proposal_settle", args=[proposal.pk]), {"settle": "refuse"})
    assert Proposal.objects.get().state == "withdrawn"


def test_a_look_back_starts_on_the_authors_page_and_is_undone_as_one(console, staff):
    review = approved_review()
    address = reverse("admin:reports_lookback_author", args=[review.author_id])
    assert address in text(console.get(reverse("admin:reviews_review_change", args=[review.pk])))
    assert "Look at everything of theirs again" in text(console.get(address))
    start = reverse("admin:reports_lookback_start", args=[review.author_id])

    console.post(start, {"reason": ""})
    assert not LookBack.objects.exists()
    console.post(start, {"reason": "fake"})
    run_due_jobs()
    started = LookBack.objects.get()
    assert (started.started_by, started.cases_opened) == (staff, 1)
    assert Case.objects.open().count() == 1
    assert "1 opened, 1 still open" in text(console.get(page(started)))

    console.post(reverse("admin:reports_lookback_undo", args=[started.pk]))
    run_due_jobs()
    assert not Case.objects.open().exists()
    assert "Undo as one" not in text(console.get(page(started)))


def test_the_page_of_a_user_leads_to_what_they_wrote(client):
    client.force_login(senior())
    author = approved_review().author

    address = reverse("admin:reports_lookback_author", args=[author.pk])

    assert address in text(client.get(reverse("admin:accounts_user_change", args=[author.pk])))
    assert client.get(reverse("admin:reports_lookback_author", args=[UserFactory().pk])).status_code == 200
    assert client.get(reverse("admin:reports_lookback_author", args=[approved_review().pk])).status_code == 404


def test_seniors_edit_reasons_and_the_audit_knows(client):
    by = senior()
    client.force_login(by)
    address = reverse("admin:reports_reasoncode_change", args=["spam"])
    given = {"label": "Advertising", "policy": "Do not.", "ground": "terms", "severity": 5, "position": 10}

    answer = client.post(address, {**given, "is_active": "on", "for_reports": "on", "code": "ham"})

    assert answer.status_code == 302
    reason = ReasonCode.objects.get(pk="spam")
    assert (reason.label, reason.severity) == ("Advertising", 5)
    entry = Entry.objects.get(verb="reason.changed")
    assert (entry.actor_id, entry.object_id) == (by.pk, "spam")
    assert entry.before["severity"] == 4
    assert "Reason changed" in text(client.get(address))


def test_reasons_that_plain_decisions_name_cannot_be_retired_nor_any_deleted_or_added(client):
    client.force_login(senior())
    given = {"label": "Ok", "policy": "Ok.", "ground": "none", "severity": 1, "position": 10}

    for code in ("other", "approved_ok"):
        answer = client.post(reverse("admin:reports_reasoncode_change", args=[code]), given)
        assert "stays active" in text(answer)
    assert not ReasonCode.objects.filter(is_active=False).exists()
    assert client.get(listing("reasoncode") + "add/").status_code == 403
    assert client.post(reverse("admin:reports_reasoncode_delete", args=["spam"])).status_code == 403


def test_moderators_may_not_edit_reasons(console):
    assert console.post(reverse("admin:reports_reasoncode_change", args=["spam"]), {"label": "X"}).status_code == 403
