"""Checks that ask what else there is, the policy that judges, and what one screening costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews import jobs
from reviews.models import DenyTerm, PolicyRule, Review, ReviewRevision, Screening, ScreeningPolicy
from reviews.reputation import Standing
from reviews.screening import policy, run, screen
from reviews.screening.catalogue import KINDS, found
from reviews.screening.policy import Policy, Rule, decide, policy_in_force, score
from reviews.services import edit_review, submit_review
from reviews.services.screening import (
    add_deny_term,
    change_draft,
    discard_draft,
    draft_policy,
    publish_policy,
    retire_deny_terms,
)
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition, PermissionDenied
from trustengine.origins import Origin
from trustengine.testing import api_client_for, at_once, run_due_jobs

TRUSTED = Standing(score=90, consecutive_approved=9)
LONG = (
    "I bought this lamp for my desk three weeks ago and it has been a pleasure to read by ever since; "
    "the light is warm and does not flicker at all."
)


def settled_author(approvals=8, *, days=400, **content):
    """An author of standing, whose account and reviews are so many days old."""
    then = timezone.now() - timedelta(days=days)
    author = UserFactory(date_joined=then)
    for _ in range(approvals):
        review = approved_review(delivered_purchase(author), **content)
        Review.objects.filter(pk=review.pk).update(created_at=then)
        review.revisions.update(created_at=then)
    return author


def screened(review):
    run_due_jobs()
    review.refresh_from_db()
    return review.revisions.latest("number").screening


def names(screening):
    return {signal["name"] for signal in screening.signals}


@pytest.fixture
def senior():
    return StaffFactory(groups=["Senior moderators"])


# What the checks find


@pytest.mark.django_db
def test_a_burst_of_a_product_is_found_against_its_own_past(settings):
    settings.BURST_MIN_REVIEWS = 5
    product, busy = ProductFactory(), ProductFactory()
    for number in range(12):
        past = pending_review(delivered_purchase(product=busy))
        Review.objects.filter(pk=past.pk).update(created_at=timezone.now() - timedelta(hours=30 + 6 * number))
    for _ in range(6):
        pending_review(delivered_purchase(product=product))
        pending_review(delivered_purchase(product=busy))
    last = pending_review(delivered_purchase(product=product))
    usual = pending_review(delivered_purchase(product=busy))

    burst = next(signal for signal in screened(last).signals if signal["name"] == "product_burst")
    assert burst["data"]["found"] == 7
    assert burst["data"]["expected"] == pytest.approx(0.5, abs=0.01)
    assert "product_burst" not in names(screened(usual))


@pytest.mark.django_db
def test_imported_reviews_are_no_burst(settings):
    settings.BURST_MIN_REVIEWS = 3
    product = ProductFactory()
    for _ in range(4):
        pending_review(delivered_purchase(product=product))
    Review.objects.update(import_digest=b"as imported")

    assert not names(screened(pending_review(delivered_purchase(product=product)))) & {"product_burst", "vendor_burst"}


@pytest.mark.django_db
def test_bursts_of_an_author_and_of_an_address_are_found(settings):
    settings.AUTHOR_BURST_PER_HOUR = settings.ORIGIN_BURST_AUTHORS = 3
    author, origin = UserFactory(), Origin(ip_hash="a" * 32)

    def submit(item):
        return submit_review(
            author=buyer_of(item), product_id=item.product_id, order_id=item.order_id, rating=4, origin=origin
        ).review

    assert "author_burst" not in names(screened([submit(delivered_purchase(author)) for _ in range(2)][-1]))
    assert "author_burst" in names(screened(submit(delivered_purchase(author))))
    assert "origin_burst" not in names(screened(submit(delivered_purchase())))
    assert "origin_burst" in names(screened(submit(delivered_purchase())))


@pytest.mark.django_db
def test_a_fresh_account_is_noted_and_does_not_hold_a_review_back(settings):
    settings.AUTO_APPROVE_MIN_REPUTATION = 60  # more than that takes time as well
    author = settled_author(days=1)

    screening = screened(pending_review(delivered_purchase(author)))

    assert names(screening) == {"fresh_account"}
    assert screening.verdict == "approve"


@pytest.mark.django_db
def test_an_account_that_wakes_up_with_another_style_on_another_device_seems_taken_over():
    author = settled_author(comment=LONG)
    ReviewRevision.objects.update(agent_hash="a" * 32)
    item = delivered_purchase(author)
    content = {"comment": "Стул крепкий, все винты были на месте, собрать его можно за один вечер. " * 2, "rating": 4}

    review = submit_review(
        author=author, product_id=item.product_id, order_id=item.order_id, origin=Origin("", "b" * 32), **content
    ).review

    screening = screened(review)
    assert "takeover" in names(screening)
    assert screening.verdict == "queue"


@pytest.mark.django_db
@pytest.mark.parametrize("days", [10, 400])
def test_a_large_edit_counts_as_a_takeover_only_after_a_long_silence(days):
    author = settled_author(days=days)
    review = Review.objects.filter(author=author).first()

    edit_review(review.pk, author=author, changes={"comment": "Quite different words stand in this place now"})

    assert ("takeover" in names(screened(review))) == (days == 400)


@pytest.mark.django_db
def test_whatever_the_stars_the_verdict_is_the_same(settings):
    """Authors who have always given five, and always one: each number of stars is treated alike."""
    settings.AUTO_APPROVE_MIN_REPUTATION = 60
    for habit in (5, 1):
        verdicts = {}
        for stars in range(1, 6):
            review = pending_review(delivered_purchase(settled_author(days=30, rating=habit)), rating=stars)
            screening = screened(review)
            verdicts[stars] = (screening.verdict, screening.score)
        assert set(verdicts.values()) == {("approve", 0.0)}, (habit, verdicts)


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"unusual_rating", "takeover", "large_edit"}))
def test_unusual_stars_change_nothing_beside_any_other_signal(name):
    alone, both = [found(name, "")], [found(name, ""), found("unusual_rating", "")]

    assert score(both) == score(alone)
    assert decide(both, TRUSTED) == decide(alone, TRUSTED)
    assert score([found("takeover", ""), found("unusual_rating", "")]) > score([found("takeover", "")])


def test_no_policy_can_make_stars_alone_hold_a_review_back():
    strict = Policy(queue_at=0.0, restrict_at=0.01, rules={"unusual_rating": Rule(1.0, "restrict")})
    signals = strict.weighed([found("unusual_rating", "")])

    assert decide(signals, TRUSTED, strict) == Screening.Verdict.APPROVE


# Isolation and cost


@pytest.mark.django_db
def test_one_check_that_fails_loses_no_other_and_has_a_person_look(monkeypatch, caplog):
    def broken(submission):
        Review.objects.extra(where=["no such column"]).exists()
        yield from ()

    monkeypatch.setattr(run, "HISTORY_CHECKS", (broken, *run.HISTORY_CHECKS))

    screening = screened(pending_review(delivered_purchase(settled_author()), comment="see https://x.example"))

    assert {"check_failed", "link"} <= names(screening)
    assert screening.verdict == "queue"


@pytest.mark.django_db
def test_a_screening_costs_the_same_number_of_queries_whatever_there_is(settings):
    settings.BURST_MIN_REVIEWS = settings.ORIGIN_BURST_AUTHORS = 2
    product, author = ProductFactory(), UserFactory()

    def cost():
        review = pending_review(delivered_purchase(author, ProductFactory(vendor=product.vendor)), comment=LONG)
        ReviewRevision.objects.update(ip_hash="a" * 32)
        with CaptureQueriesContext(connection) as queries:
            screen(review.pk)
        return len(queries)

    few = cost()
    for _ in range(6):
        screen(pending_review(delivered_purchase(product=product), comment=LONG).pk)
        cost()
    for number in range(10):
        DenyTerm.objects.create(term=f"term {number}", folded=f"term {number}")

    assert cost() == few <= 50


# The policy


@pytest.mark.django_db
def test_the_first_version_is_there_after_every_migration_and_says_what_the_code_says():
    row = ScreeningPolicy.objects.get(state="published")

    assert {rule.signal for rule in row.rules.all()} == set(KINDS)
    stored = policy_in_force()
    assert {name: stored.rule(name) for name in KINDS} == {name: policy.BUILT_IN.rule(name) for name in KINDS}
    assert PolicyRule.Action.RESTRICT not in {stored.rule(name).action for name in KINDS}
    assert stored.restrict_at is None


@pytest.mark.django_db
def test_a_new_version_judges_from_its_publication_and_each_screening_says_which_one_did(senior):
    author = settled_author()
    draft = draft_policy(actor=senior)
    parameters = {"queue_at": 0.5, "restrict_at": None, "min_reputation": None, "min_consecutive": None}
    change_draft(
        draft.pk,
        actor=senior,
        parameters=parameters,
        rules={"link": {"enabled": False, "weight": 0.7, "action": "queue"}},
    )
    before = screened(pending_review(delivered_purchase(author), comment="https://x.example"))

    publish_policy(draft.pk, actor=senior)

    after = screened(pending_review(delivered_purchase(author), comment="https://y.example"))
    assert (before.verdict, before.policy_version) == ("queue", 1)
    assert (after.verdict, after.policy_version, after.signals) == ("approve", 2, [])
    assert Entry.objects.filter(verb="policy.published", actor_id=senior.pk).count() == 1


@pytest.mark.django_db
def test_what_was_in_force_never_changes(senior):
    first = ScreeningPolicy.objects.get()
    parameters = {"queue_at": 0.1, "restrict_at": None, "min_reputation": None, "min_consecutive": None}

    with pytest.raises(InvalidTransition):
        change_draft(first.pk, actor=senior, parameters=parameters, rules={})
    with pytest.raises(InvalidTransition):
        publish_policy(first.pk, actor=senior)
    with pytest.raises(InvalidTransition):
        discard_draft(first.pk, actor=senior)


@pytest.mark.django_db
def test_the_trust_rule_follows_the_settings_until_a_version_says_otherwise(settings):
    settings.AUTO_APPROVE_MIN_REPUTATION = 95

    assert not policy_in_force().trusts(TRUSTED)
    assert Policy(min_reputation=90, min_consecutive=9).trusts(TRUSTED)


@pytest.mark.django_db
def test_what_a_policy_would_restrict_waits_and_is_recorded(senior):
    draft = draft_policy(actor=senior)
    parameters = {"queue_at": 0.5, "restrict_at": 0.6, "min_reputation": None, "min_consecutive": None}
    change_draft(draft.pk, actor=senior, parameters=parameters, rules={})
    publish_policy(draft.pk, actor=senior)

    review = pending_review(comment="https://x.example")

    assert screened(review).verdict == "restrict"
    assert review.status == "pending"


@pytest.mark.django_db
def test_only_those_who_may_edit_screening_do():
    for service, arguments in (
        (draft_policy, {}),
        (add_deny_term, {"term": "x", "action": "queue", "reason": "spam"}),
        (retire_deny_terms, {"term_ids": []}),
    ):
        with pytest.raises(PermissionDenied):
            service(actor=moderator(), **arguments)


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_leave_one_version_in_force():
    editors = [StaffFactory(groups=["Senior moderators"]) for _ in range(3)]

    def publish(editor):
        return lambda: publish_policy(draft_policy(actor=editor).pk, actor=editor)

    outcomes = at_once(*map(publish, editors))

    assert all(isinstance(outcome, ScreeningPolicy) for outcome in outcomes)
    assert ScreeningPolicy.objects.filter(state="published").count() == 1
    assert sorted(ScreeningPolicy.objects.values_list("version", flat=True)) == [1, 2, 3, 4]


# The deny list


@pytest.mark.django_db
def test_a_denied_term_queues_and_a_blocked_one_is_rejected_by_the_rule(senior):
    add_deny_term(term="Voodoo Pills", action="queue", reason="spam", actor=senior)
    add_deny_term(term="scumbag", action="block", reason="offensive", actor=senior)
    author = settled_author()
    queued = pending_review(delivered_purchase(author), comment="V00d00  p1lls")
    blocked = pending_review(delivered_purchase(author), comment="what a s c u m b a g")

    assert screened(queued).verdict == "queue"
    assert screened(blocked).verdict == "reject"
    assert (blocked.status, blocked.moderated_by) == ("rejected", None)
    entry = Entry.objects.get(verb="review.rejected", object_id=str(blocked.pk))
    assert (entry.actor_id, entry.reason, entry.after["automated"]) == (None, "offensive", True)


@pytest.mark.django_db
def test_a_blocked_edit_leaves_the_approved_text_public(senior):
    add_deny_term(term="scumbag", action="block", reason="offensive", actor=senior)
    review = approved_review(comment="A sturdy chair.")
    edit_review(review.pk, author=review.author, changes={"comment": "A sturdy chair, you scumbag."})

    assert screened(review).verdict == "reject"
    assert (review.status, review.comment) == ("approved", "A sturdy chair.")


@pytest.mark.django_db
def test_a_term_stands_once_in_any_spelling_and_is_retired_for_good(senior):
    first = add_deny_term(term="Viagra", action="queue", reason="spam", actor=senior)

    assert add_deny_term(term="V1ÁGRA", action="block", reason="spam", actor=senior) == first
    assert retire_deny_terms([first.pk], actor=senior) == 1
    assert retire_deny_terms([first.pk], actor=senior) == 0
    assert "deny_list" not in names(screened(pending_review(comment="viagra")))
    with pytest.raises(InvalidInput):
        add_deny_term(term="!!", action="queue", reason="spam", actor=senior)
    with pytest.raises(InvalidInput):
        add_deny_term(term="a1 b2 c3 d4 e5 f6 g7 h8 i9", action="queue", reason="spam", actor=senior)


# Where texts come from


@pytest.mark.django_db
def test_a_submission_and_an_edit_keep_hashes_of_their_origin_until_they_are_old(settings):
    item = delivered_purchase()
    client = api_client_for(buyer_of(item))
    body = {"product": str(item.product_id), "order": str(item.order_id), "rating": 4}
    made = client.post("/api/v1/reviews/", body, format="json", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="one")
    client.patch(f"/api/v1/reviews/{made.json()['id']}/", {"rating": 3}, format="json", REMOTE_ADDR="203.0.113.9")
    first, second = ReviewRevision.objects.order_by("number")
    assert first.ip_hash == second.ip_hash != ""
    assert first.agent_hash != ""
    assert "203.0.113.9" not in first.ip_hash

    ReviewRevision.objects.filter(number=1).update(created_at=timezone.now() - timedelta(days=91))
    jobs.forget_origins()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.ip_hash, first.agent_hash) == ("", "")
    assert second.ip_hash != ""
