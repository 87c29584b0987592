"""Undoing asks what deciding asks, and as many people: a walk over all verbs and their inverses, by every door."""

from datetime import timedelta

import pytest
from django.urls import get_resolver, reverse
from django.utils import timezone

from reports.contents import kind_of
from reports.errors import CaseChanged, ConflictOfInterest
from reports.models import Action, Case, Decision, Proposal
from reports.services.appeals import appeal, rule
from reports.services.deciding import BY_HAND, undo
from reports.services.duties import took_two
from reports.services.looking_back import look_back, undo_look_back
from reports.services.proposals import approve_proposal
from reports.services.reporting import submit_report
from reports.services.statements import deliver
from reports.tests.factories import decided, moderator, reported, senior
from reviews.models import Review
from reviews.services import drop_quarantine, open_quarantine, release_quarantine, restore_review
from reviews.services.replies import write_reply
from reviews.services.reply_moderation import approve_reply
from reviews.services.restriction import lift_restriction, restrict_review
from reviews.services.strikes import give_strike, revoke_strike
from reviews.tests.factories import approved_review, pending_review
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.testing import api_client_for, at_once, run_due_jobs

pytestmark = pytest.mark.django_db
REASONS = {"approve": "approved_ok", "restore": "no_violation", "dismiss": "no_violation", "restrict": "fake"}
TWO = [("suspend", "illegal"), ("remove", "illegal")]


def case_for(action):
    """An open case in which this action can be taken."""
    if action in {"approve", "reject"}:
        review = pending_review()
        run_due_jobs()
        return Case.objects.get(content_id=review.pk)
    report = reported()
    return reported_again(decided(report.case, "hide")) if action == "restore" else report.case


def taken(action, reason=""):
    """A decision that stands, taken by as many people as it takes."""
    made = decided(case_for(action), action, reason or REASONS.get(action, "spam"))
    return approve_proposal(made.pk, approver=senior()) if isinstance(made, Proposal) else made


def with_part(decision, part):
    """A moderator with a part in what was decided."""
    review = Review.objects.get(pk=decision.content_id)
    if part == "vendor":
        person = senior()
        MembershipFactory(user=person, profile=review.product.vendor)
        return person
    author = review.author
    author.groups.set(senior().groups.all())
    author.is_staff, author.username = True, f"author-{author.pk.hex[-6:]}"
    author.suspended_at = None
    author.save()
    return User.objects.get(pk=author.pk)


def by_api(decision, person, client):
    answer = api_client_for(person).post(f"/api/v1/moderation/decisions/{decision.pk}/undo/")
    return answer.status_code, answer.json().get("code")


def by_list(decision, person, client):
    client.force_login(person)
    url = reverse("admin:reports_decision_changelist")
    client.post(url, {"action": "undo", "_selected_action": [str(decision.pk)]}, follow=True)


def by_page(decision, person, client):
    client.force_login(person)
    client.post(reverse("admin:moderation_undo"), {"decision": [str(decision.pk)]})


DOORS = [by_api, by_list, by_page]


def stands(decision):
    return not Decision.objects.filter(supersedes=decision).exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("part", ["author", "vendor"])
@pytest.mark.parametrize("action", BY_HAND)
def test_who_has_a_part_undoes_no_decision(action, part, door, client):
    decision = taken(action)
    person = with_part(decision, part)

    answer = door(decision, person, client)

    assert answer in (None, (403, "CONFLICT_OF_INTEREST"))
    assert stands(decision)
    assert not Proposal.objects.filter(undoes=decision).exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("action", "reason"), TWO)
def test_one_person_does_not_undo_what_two_decided(action, reason, door, client):
    decision = taken(action, reason)
    first = senior()

    answer = door(decision, first, client)

    assert answer in (None, (202, None))
    assert stands(decision)
    proposal = Proposal.objects.get(undoes=decision)
    with pytest.raises(PermissionDenied):
        approve_proposal(proposal.pk, approver=first)
    undone = approve_proposal(proposal.pk, approver=senior())
    assert (undone.action, undone.supersedes) == ("undo", decision)
    assert not Proposal.objects.filter(state="open").exists()
    assert not User.objects.filter(suspended_at__isnull=False).exists()
    assert Review.objects.get(pk=decision.content_id).removed_at is None


def test_every_action_that_takes_two_is_in_the_walk():
    found = {action for action in BY_HAND if took_two(taken(action, "illegal" if action == "remove" else ""))}

    assert found == {action for action, _ in TWO}


def test_what_two_removed_is_restored_by_two():
    decision = taken("remove", "illegal")
    case = reported_again(decision)

    made = decided(case, "restore", "no_violation")

    assert isinstance(made, Proposal)
    assert Review.objects.get(pk=decision.content_id).removed_at is not None
    approve_proposal(made.pk, approver=senior())
    assert Review.objects.get(pk=decision.content_id).removed_at is None
    assert isinstance(undo(made.__class__.objects.get(pk=made.pk).decision_id, moderator=moderator()), Proposal)


def reported_again(decision):
    """The content's case, open again: what is removed cannot be reported, so a look at it is asked for."""
    Case.objects.filter(pk=decision.case_id).update(state="open", closed_at=None)
    return Case.objects.get(pk=decision.case_id)


def test_what_one_removed_is_restored_by_one():
    decision = taken("remove", "spam")

    assert isinstance(decided(reported_again(decision), "restore", "no_violation"), Decision)


def removed_by_two(case):
    return approve_proposal(decided(case, "remove", "illegal").pk, approver=senior())


def down(decision):
    content = kind_of(decision.content_type).get(decision.content_id)
    return content.removed_at is not None and content.removal_ground == "illegal"


CONTENTS = ["review", "reply", "product"]


def first_decided(content_type, action):
    """A decision by one person about a content of this type."""
    review = approved_review()
    reply = write_reply(review.pk, member=manager_of(review), text="Thank you.").reply
    approve_reply(reply.pk, actor=moderator(), reason="approved_ok")
    content = {"review": review.pk, "reply": reply.pk, "product": review.product_id}[content_type]
    report = submit_report(reporter=UserFactory(), content_type=content_type, content_id=content, reason="spam")
    return decided(report.case, action)


def manager_of(review):
    return MembershipFactory(profile=review.product.vendor, role="manager").user


@pytest.mark.parametrize("content_type", CONTENTS)
@pytest.mark.parametrize("action", ["hide", "remove"])
def test_an_earlier_decision_gives_no_way_round_what_two_removed(content_type, action, settings):
    first = first_decided(content_type, action)
    removal = removed_by_two(reported_again(first))

    with pytest.raises(CaseChanged):
        undo(first.pk, moderator=moderator())
    assert down(removal)

    owner = first.author or MembershipFactory(profile_id=kind_of(content_type).get(first.content_id).vendor_id).user
    made = appeal(first.pk, appellant=owner, text="This is wrong.")
    rule(made.pk, moderator=senior(), ruling="overturn", text="")
    assert down(removal)


@pytest.mark.parametrize("content_type", CONTENTS)
@pytest.mark.parametrize("between", ["remove", "hide", "dismiss"])
def test_a_decision_in_between_gives_no_way_round_what_two_removed(content_type, between):
    removal = removed_by_two(reported_again(first_decided(content_type, "hide")))
    decided(reported_again(removal), between)

    assert isinstance(decided(reported_again(removal), "restore", "no_violation"), Proposal)
    assert down(removal)


@pytest.mark.parametrize("content_type", CONTENTS)
def test_what_two_removed_in_0_1_0_after_one_had_is_restored_by_two(content_type):
    removal = removed_by_two(reported_again(first_decided(content_type, "remove")))
    first = Decision.objects.exclude(pk=removal.pk).get(content_id=removal.content_id, action="remove")
    rows = kind_of(content_type).model.objects.filter(pk=removal.content_id)
    rows.update(removal_ground="terms", removal_reason="spam", removed_at=first.created_at)

    assert isinstance(decided(reported_again(removal), "restore", "no_violation"), Proposal)


def test_showing_a_hidden_review_in_the_lists_gives_no_way_round_what_two_removed():
    removal = removed_by_two(reported_again(first_decided("review", "hide")))
    restore_review(removal.content_id, actor=moderator(), reason="no_violation")

    assert isinstance(decided(reported_again(removal), "restore", "no_violation"), Proposal)


@pytest.mark.parametrize(("action", "reason"), TWO)
@pytest.mark.parametrize("door", ["api", "page", "desk"])
def test_one_person_does_not_overturn_what_two_decided(action, reason, door, client, settings):
    settings.UNDO_SECONDS = 0
    decision = taken(action, reason)
    made = appeal(decision.pk, appellant=decision.author, text="This is wrong.")
    first = senior()
    if door == "api":
        url = f"/api/v1/moderation/appeals/{made.pk}/ruling/"
        assert api_client_for(first).post(url, {"ruling": "overturn", "text": ""}, format="json").status_code == 202
    else:
        client.force_login(first)
        page = "admin:reports_appeal_rule" if door == "page" else "admin:moderation_appeal"
        client.post(reverse(page, args=[made.pk]), {"ruling": "overturn", "text": "Right."})

    assert stands(decision)
    proposal = Proposal.objects.get(appeal=made)
    for person in (first, decision.moderator, decision.proposal.proposed_by):
        with pytest.raises(PermissionDenied):
            approve_proposal(proposal.pk, approver=person)
    with pytest.raises(InvalidTransition):
        rule(made.pk, moderator=senior(), ruling="uphold", text="")
    overturned = approve_proposal(proposal.pk, approver=senior())
    made.refresh_from_db()
    assert (overturned.action, made.state, made.ruling) == ("overturn", "overturned", overturned)


def test_a_look_back_is_not_undone_by_whom_it_is_about(client):
    review = approved_review()
    started = look_back(review.author_id, moderator=moderator(), reason="fake")
    author = moderator_out_of(review.author)

    with pytest.raises(ConflictOfInterest):
        look_back(author.pk, moderator=author, reason="fake")
    url = f"/api/v1/moderation/look-backs/{started.pk}/undo/"
    assert api_client_for(author).post(url).json()["code"] == "CONFLICT_OF_INTEREST"
    client.force_login(author)
    client.post(reverse("admin:reports_lookback_undo", args=[started.pk]))
    url = reverse("admin:reports_lookback_changelist")
    client.post(url, {"action": "undo", "_selected_action": [str(started.pk)]})
    started.refresh_from_db()
    assert started.state != "undone"
    assert undo_look_back(started.pk, moderator=moderator()).state == "undone"


def moderator_out_of(user):
    user.groups.set(moderator().groups.all())
    user.is_staff, user.username = True, f"author-{user.pk.hex[-6:]}"
    user.save()
    return User.objects.get(pk=user.pk)


# Verbs outside of cases: each beside its inverse, as (verb, inverse), which refuse the same people.


def restriction_of(review, person):
    return (
        lambda who: restrict_review(review.pk, actor=who, ground="account_under_review"),
        lambda who: lift_restriction(review.pk, actor=who),
    )


def quarantine_of(review, person):
    return (
        lambda who: open_quarantine(review.product_id, actor=who, reason="burst"),
        lambda who: release_quarantine(review.product.quarantines.get().pk, actor=who),
    )


def dropping_of(review, person):
    return (
        lambda who: open_quarantine(review.product_id, actor=who, reason="burst"),
        lambda who: drop_quarantine(review.product.quarantines.get().pk, actor=who),
    )


def strike_of(review, person):
    return (
        lambda who: give_strike(review.author, actor=who, reason="spam"),
        lambda who: revoke_strike(review.author.strikes.get().pk, actor=who),
    )


@pytest.mark.parametrize("pair", [restriction_of, quarantine_of, dropping_of, strike_of])
@pytest.mark.parametrize("who", ["author", "vendor", "nobody"])
def test_a_verb_and_its_inverse_refuse_the_same_people(pair, who):
    review = approved_review()
    people = {"author": moderator_out_of, "nobody": lambda user: UserFactory()}
    person = people[who](review.author) if who in people else moderator()
    if who == "vendor":
        MembershipFactory(user=person, profile=review.product.vendor)
    verb, inverse = pair(review, person)

    refused = is_refused(verb, person)
    if refused:
        verb(moderator())

    assert is_refused(inverse, person) == refused


def is_refused(verb, person):
    try:
        verb(person)
    except (ConflictOfInterest, PermissionDenied):
        return True
    return False


def test_no_inverse_among_the_addresses_is_outside_of_the_walk():
    """Whoever adds an address that takes something back adds it to a test of its people, and here."""
    words = ("undo", "release", "drop", "lift", "revoke", "reinstate", "overturn", "unhide", "restore", "reverse")
    found = {name for name in names_of(get_resolver()) if any(word in name for word in words)}

    assert found == {
        "auth-token-revoke",  # one's own token
        "moderation-release",
        "moderation_release",  # one's own claim
        "moderation-undo",
        "moderation_undo",
        "moderation-look-back-undo",
        "reports_lookback_undo",
        "reviews_quarantine_release",
        "reviews_quarantine_drop",
    }


def names_of(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from names_of(pattern)
        elif pattern.name:
            yield pattern.name


# Times and turns


def test_a_proposal_to_undo_ends_when_the_decision_is_told():
    decision = taken("remove", "illegal")
    proposal = undo(decision.pk, moderator=moderator())
    time_passes(decision)

    deliver(decision.pk)

    proposal.refresh_from_db()
    assert (proposal.state, proposal.settled_by) == ("withdrawn", None)


def time_passes(decision):
    import pgtrigger

    with pgtrigger.ignore("reports.Decision:append_only"):
        Decision.objects.filter(pk=decision.pk).update(notice_after=timezone.now() - timedelta(seconds=1))


def test_after_the_grace_period_nobody_approves_an_undo():
    decision = taken("remove", "illegal")
    proposal = undo(decision.pk, moderator=moderator())
    time_passes(decision)

    with pytest.raises(InvalidTransition):
        approve_proposal(proposal.pk, approver=senior())


@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_of_an_undo_at_once_one_undoes():
    decision = taken("remove", "illegal")
    proposal = undo(decision.pk, moderator=moderator())
    people = [senior() for _ in range(3)]

    outcomes = at_once(*[lambda who=who: approve_proposal(proposal.pk, approver=who) for who in people])

    assert sum(isinstance(each, Decision) for each in outcomes) == 1
    assert Decision.objects.filter(action=Action.UNDO).count() == 1
