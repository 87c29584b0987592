"""A moderator's steps on the page: each goes through a service, and every refusal says what has changed."""

import json
from functools import partial

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from reports.models import Action, Appeal, Case, Decision, Proposal
from reports.services.appeals import appeal
from reports.services.claiming import claim_case
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.services import edit_review
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db

PAGE = "/admin/moderation/"
PART = {"HX-Request": "true"}


@pytest.fixture
def by():
    return moderator()


@pytest.fixture
def console(client, by):
    client.force_login(by)
    return client


def by_hand():
    return Decision.objects.filter(automated=False)


def text(answer):
    return answer.content.decode()


def step(console, name, **fields):
    return console.post(f"{PAGE}{name}/", fields, headers=PART)


def decide(console, case, action, **fields):
    return step(console, f"cases/{case.pk}/decide", action=action, **{"version": case.version} | fields)


def told(answer):
    return json.loads(answer["HX-Trigger-After-Swap"])["moderation:told"]


def claimed(case):
    case.refresh_from_db()
    return case.claimed_by


@pytest.mark.parametrize(
    "name",
    ["next", "undo", "batch", *(f"cases/{{}}/{verb}" for verb in ("open", "heartbeat", "release", "decide"))],
)
def test_steps_are_for_moderators_and_only_posted(client, name):
    address = f"{PAGE}{name}/".format(reported().case_id)
    assert client.post(address)["Location"].startswith("/admin/login/")
    client.force_login(moderator())
    assert client.get(address).status_code == 405
    client.force_login(StaffFactory(groups=["Finance"]))
    assert client.post(address).status_code == 403


# Claims


def test_opening_claims_a_case_and_gives_the_former_one_back(console, by):
    first, second = reported().case, reported().case
    assert "Yours until" in text(step(console, f"cases/{first.pk}/open"))
    assert claimed(first) == by
    step(console, f"cases/{second.pk}/open", leaving=first.pk)

    assert (claimed(first), claimed(second)) == (None, by)


def test_what_somebody_else_works_on_is_shown_to_be_read(console):
    case = reported().case
    other = moderator(username="grace")
    claim_case(case.pk, moderator=other)

    page = text(step(console, f"cases/{case.pk}/open"))

    assert "grace works on this until" in page
    assert 'name="action"' not in page
    assert claimed(case) == other


def test_next_gives_the_most_pressing_and_skipping_goes_on_until_nothing_is_left(console, by):
    slight, grave = reported(reason="off_topic").case, reported(reason="illegal").case
    assert str(grave.pk) in text(step(console, "next"))
    assert str(slight.pk) in text(step(console, "next", skip=grave.pk))
    assert (claimed(grave), claimed(slight)) == (None, by)
    assert "You have skipped 2 cases" in text(step(console, "next", skip=slight.pk))

    assert str(grave.pk) in text(step(console, "next", afresh=1))


def test_next_stays_within_the_filters(console):
    grave, slight = reported(reason="illegal").case, reported(reason="off_topic").case

    assert str(slight.pk) in text(step(console, "next", filters=f"q={slight.pk}"))
    assert "Nothing else waits here." in text(step(console, "next", filters="queue=appeals"))
    assert claimed(grave) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("filters", ["", "type=review"])
def test_two_moderators_never_get_the_same_case_from_next(client, filters):
    from django.test import Client

    cases = [reported().case for _ in range(4)]
    clients = []
    for _ in range(4):
        own = Client()
        own.force_login(moderator())
        clients.append(own)

    at_once(*[partial(step, own, "next", filters=filters) for own in clients])

    holders = [claimed(case) for case in cases]
    assert None not in holders
    assert len({holder.pk for holder in holders}) == 4


def test_a_heartbeat_renews_a_claim_and_says_when_it_is_lost_or_the_case_has_changed(console, by):
    report = reported()
    case = claim_case(report.case_id, moderator=by)
    answer = step(console, f"cases/{case.pk}/heartbeat").json()
    assert (answer["held"], answer["version"]) == (True, case.version)
    review = Review.objects.get(pk=report.content_id)
    edit_review(review.pk, author=review.author, changes={"title": "Another"})
    run_due_jobs()
    assert step(console, f"cases/{case.pk}/heartbeat").json()["version"] > case.version
    Case.objects.update(claimed_by=moderator(username="grace"))

    lost = step(console, f"cases/{case.pk}/heartbeat").json()
    assert lost["held"] is False
    assert lost["words"].startswith("grace works on this case until")


def test_leaving_gives_the_claim_back(console, by):
    case = claim_case(reported().case_id, moderator=by)

    assert console.post(f"{PAGE}cases/{case.pk}/release/").status_code == 204
    assert claimed(case) is None


# Decisions


def test_a_decision_says_what_was_done_offers_to_undo_it_and_brings_the_next_case(console, by):
    case, other = reported(reason="illegal").case, reported(reason="off_topic").case

    answer = decide(console, case, "hide", reason="offensive", facts="It insults.", note="Second time.")

    decision = by_hand().get()
    assert (decision.action, decision.reason_id, decision.text.facts, decision.text.note) == (
        "hide",
        "offensive",
        "It insults.",
        "Second time.",
    )
    assert told(answer)["words"] == "Hidden: “Good”."
    assert told(answer)["decisions"] == [str(decision.pk)]
    assert 100 < told(answer)["seconds"] <= 120
    assert str(other.pk) in text(answer)
    assert claimed(other) == by


def test_approving_and_dismissing_need_no_reason_and_the_others_do(console):
    case = reported().case
    answer = decide(console, case, "reject")
    assert "choose a reason" in text(answer)
    assert answer["HX-Retarget"] == "#te-refusal"
    assert not by_hand().exists()

    decide(console, case, "dismiss")
    assert by_hand().get().reason_id == "no_violation"


def test_the_policy_itself_is_not_repeated_as_facts(console):
    case = reported().case
    decide(
        console, case, "hide", reason="spam", facts=" Reviews may not advertise,\nand may not lead readers elsewhere. "
    )

    assert not hasattr(by_hand().get(), "text")


def test_a_changed_text_is_told_with_what_is_new_in_it(console, by):
    report = reported(approved_review(comment="An honest bowl."))
    case = claim_case(report.case_id, moderator=by)
    review = Review.objects.get(pk=report.content_id)
    edit_review(review.pk, author=review.author, changes={"comment": "A horrible bowl."})
    run_due_jobs()

    answer = decide(console, case, "hide", reason="spam", seen=1)

    assert answer["HX-Retarget"] == "#te-refusal"
    assert "<ins>A horrible " in text(answer)
    assert "What you have typed stays." in text(answer)
    assert not by_hand().exists()


def test_an_expired_claim_is_refused_politely_with_who_has_decided_meanwhile(console, by):
    case = claim_case(reported().case_id, moderator=by)
    Case.objects.update(claim_expires_at=timezone.now())
    other = moderator(username="grace")
    taken = claim_case(case.pk, moderator=other)
    busy = text(decide(console, case, "hide", reason="spam"))
    assert "grace works on this case until" in busy
    decided(taken, "dismiss", "no_violation", other)

    late = text(decide(console, case, "hide", reason="spam"))
    assert "grace has decided it" in late
    assert "dismiss, no violation found" in late


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "x"},
        {"version": 0},
        {"version": 10**12},
        {"reason": "x" * 50},
        {"reason": "no_such"},
        {"seen": "x"},
        {"since": "x"},
        {"facts": "x" * 3_000},
        {"facts": "\x00"},
        {"filters": "q=%00&" * 300},
        {"action": "undo"},
    ],
)
def test_whatever_is_posted_is_answered_in_words(console, fields):
    case = reported().case
    given = {"version": case.version, "reason": "spam", "action": "hide"} | fields

    answer = console.post(f"{PAGE}cases/{case.pk}/decide/", given, headers=PART)

    assert answer.status_code == 200


def test_nobody_decides_on_their_own(client):
    author = moderator()
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(author=author)
    case = reported(Review.objects.get(pk=review.pk)).case
    client.force_login(author)

    assert "You cannot decide on what is your own." in text(decide(client, case, "dismiss"))


# Undo


def test_undo_puts_everything_back_and_a_second_one_is_explained(console):
    decide(console, reported().case, "hide", reason="spam")
    decision = by_hand().get()

    assert step(console, "undo", decision=decision.pk).json() == {
        "undone": 1,
        "refused": 0,
        "words": "Undone: everything is as it was.",
    }
    assert Review.objects.public().exists()
    again = step(console, "undo", decision=decision.pk).json()
    assert (again["undone"], again["refused"]) == (0, 1)
    assert "does not stand any more" in again["words"]
    assert step(console, "undo", decision="x").json()["undone"] == 0


# Proposals and appeals


def test_a_suspension_is_proposed_and_another_person_approves_it(console, client, by):
    case = reported(reason="illegal").case
    assert "Proposed" in told(decide(console, case, "suspend", reason="illegal", note="Third time."))["words"]
    proposal = Proposal.objects.get()
    own = text(console.get(f"{PAGE}?case={case.pk}"))
    assert "a second person approves it" in own
    assert "Nothing was done." in text(step(console, f"proposals/{proposal.pk}", settle="approve"))
    assert Proposal.objects.get().state == "open"
    client.force_login(senior())
    answer = step(client, f"proposals/{proposal.pk}", settle="approve")

    assert told(answer)["words"] == "Approved and carried out."
    assert by_hand().get().action == Action.SUSPEND


def test_a_refused_proposal_leaves_its_case_waiting(console, client):
    case = reported(reason="illegal").case
    decide(console, case, "suspend", reason="illegal")
    client.force_login(senior())
    answer = step(client, f"proposals/{Proposal.objects.get().pk}", settle="refuse")

    assert Proposal.objects.get().state == "refused"
    assert "Your decision" in text(answer)


def test_an_appeal_is_ruled_on_by_somebody_else_than_who_decided_first(console, client, by):
    decision = decided(reported().case, "hide", "spam", by)
    review = Review.objects.get(pk=decision.content_id)
    made = appeal(decision.pk, appellant=review.author, text="I have bought it.")
    page = text(console.get(f"{PAGE}?case={made.case_id}"))
    assert "I have bought it." in page
    assert "You took the first decision" in page
    assert "Nothing was done." in text(step(console, f"appeals/{made.pk}", ruling="overturn"))
    client.force_login(moderator())
    assert 'value="overturn"' in text(client.get(f"{PAGE}?case={made.case_id}"))
    answer = step(client, f"appeals/{made.pk}", ruling="overturn", text="You are right.")

    assert told(answer)["words"].startswith("Overturned")
    made = Appeal.objects.get()
    assert (made.state, made.ruling_text) == ("overturned", "You are right.")
    review.refresh_from_db()
    assert not review.is_hidden


# Without scripts


def test_every_step_works_as_a_plain_form(console):
    case, other = reported(reason="illegal").case, reported(reason="off_topic").case
    opened = console.post(f"{PAGE}cases/{case.pk}/open/")
    assert opened["Location"] == f"{PAGE}?case={case.pk}"
    fields = {"action": "dismiss", "version": case.version, "filters": "queue=reports"}
    answer = console.post(f"{PAGE}cases/{case.pk}/decide/", fields)
    assert answer["Location"] == f"{PAGE}?queue=reports&case={other.pk}"
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["Dismissed: “Good”."]
    undone = console.post(f"{PAGE}undo/", {"decision": by_hand().get().pk, "page": 1})
    assert undone.status_code == 302
    run_due_jobs()

    assert Case.objects.open().count() == 2
