import json
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import CapacityLease
from reviews.erasure import take_away_reviews
from reviews.models import ModelOpinion, PolicyRule, Screening
from reviews.reputation import Standing
from reviews.screening import policy, screen
from reviews.screening.catalogue import found
from reviews.services import approve_review, edit_review
from reviews.services.opinions import ask
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from reviews.tests.opinions import metered, outcome, submitted, trusted
from trustengine.accounts.exporting import export_of
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs


@pytest.mark.django_db
def test_a_text_that_the_model_does_not_flag_is_approved_as_ever(service):
    review = submitted(title="Lovely", comment="A bowl to keep.")

    run_due_jobs()

    assert outcome(review) == ("approved", [])
    assert [body["input"] for _, _, body in service.requests] == ["Lovely\nA bowl to keep."]
    opinion = review.revisions.get().opinion
    assert (opinion.state, opinion.flagged, opinion.scores["harassment"]) == ("answered", False, 0.01)


@pytest.mark.django_db
def test_a_text_that_the_model_flags_waits_for_a_moderator_who_is_told_for_what(service):
    review = submitted(comment="The seller is a scoundrel.")

    run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_model"])
    (signal,) = review.revisions.get().screening.signals
    assert signal["sentence"] == "The moderation model flags the text: harassment."
    assert signal["data"] == {"model": "omni-moderation-latest", "scores": {"harassment": 0.9123}}


@pytest.mark.django_db
def test_while_the_answer_is_awaited_the_review_stays_pending_and_unscreened(service):
    review = submitted()

    screen(review.pk)
    screen(review.pk)

    assert outcome(review) == ("pending", None)
    assert Job.objects.filter(kind="reviews.ask_for_opinion").count() == 1


@pytest.mark.django_db
def test_where_no_service_is_named_nobody_is_asked_and_nothing_said(settings):
    settings.MODERATION_API_URL = ""
    settings.AUTO_APPROVE_MIN_REPUTATION = settings.AUTO_APPROVE_MIN_CONSECUTIVE = 0
    review = submitted()

    run_due_jobs()

    assert outcome(review) == ("approved", [])
    assert not ModelOpinion.objects.exists()


@pytest.mark.django_db
def test_stars_without_a_text_need_no_opinion(service):
    review = submitted(title="", comment="")

    run_due_jobs()

    assert outcome(review)[0] == "approved"
    assert service.requests == []


@pytest.mark.django_db(transaction=True)
def test_the_call_is_made_outside_of_any_transaction(service):
    sessions = []

    def look():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%%'"
            )
            sessions.append(cursor.fetchone()[0])
        connection.close()

    service.meanwhile = look
    review = pending_review()
    run_due_jobs()

    assert review.revisions.get().opinion.state == "answered"
    assert sessions == [0]


def once_meanwhile(service, call):
    """While the service thinks about the next text, somebody does something, on a connection of their own."""

    def run():
        service.meanwhile = lambda: None
        try:
            call()
        finally:
            connection.close()

    service.meanwhile = run


@pytest.mark.django_db(transaction=True)
def test_an_answer_about_a_text_that_was_edited_meanwhile_is_dropped(service):
    review = submitted(comment="The seller is a scoundrel.")
    mended = {"comment": "A fine seller."}
    once_meanwhile(service, partial(edit_review, review.pk, author=review.author, changes=mended))

    run_due_jobs()

    assert outcome(review) == ("approved", [])
    assert list(ModelOpinion.objects.order_by("revision__number").values_list("state", "flagged")) == [
        ("stale", None),
        ("answered", False),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_flag_on_the_new_text_is_not_outrun_by_the_answer_about_the_old_one(service):
    review = submitted(comment="A fine seller.")
    worsened = {"comment": "The seller is a scoundrel."}
    once_meanwhile(service, partial(edit_review, review.pk, author=review.author, changes=worsened))

    run_due_jobs()

    status, signals = outcome(review)
    assert (status, "moderation_model" in signals) == ("pending", True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["before the call", "during the call"])
def test_a_moderator_may_decide_before_the_model_has_answered(service, moment):
    review = submitted(comment="The seller is a scoundrel.")
    approve = partial(approve_review, review.pk, actor=moderator())
    if moment == "before the call":
        screen(review.pk)
        approve()
    else:
        once_meanwhile(service, approve)

    run_due_jobs()

    assert outcome(review) == ("approved", None)
    assert ModelOpinion.objects.get().state == "stale"


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_after_the_deadline_changes_nothing_any_more(service):
    review = submitted(comment="A fine seller.")

    def miss_the_deadline():
        ModelOpinion.objects.update(deadline_at=timezone.now())
        screen(review.pk)

    once_meanwhile(service, miss_the_deadline)
    run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert review.revisions.get().opinion.state == "unavailable"
    assert len(metered()) == 1, "its tokens were used all the same"


@pytest.mark.django_db(transaction=True)
def test_the_job_delivered_twice_at_once_keeps_one_answer(service):
    review = submitted()
    screen(review.pk)
    opinion = ModelOpinion.objects.get()

    outcomes = at_once(*[partial(ask, opinion.pk)] * 2)

    assert "answered" in outcomes
    assert set(outcomes) <= {"answered", "settled"}
    run_due_jobs()
    assert outcome(review) == ("approved", [])
    assert len(metered()) == len(service.requests), "each call is metered once"


@pytest.mark.django_db
def test_the_same_text_again_is_not_asked_about_again(service):
    review = submitted(comment="The seller is a scoundrel.")
    run_due_jobs()

    edit_review(review.pk, author=review.author, changes={"rating": 3})
    run_due_jobs()

    assert len(service.requests) == 1
    assert outcome(review) == ("pending", ["moderation_model"])


@pytest.mark.django_db
def test_an_edit_of_an_approved_review_waits_for_the_model_as_well(service):
    review = approved_review(delivered_purchase(trusted()), comment="A fine seller.")
    edit_review(review.pk, author=review.author, changes={"comment": "The seller is a scoundrel."})

    run_due_jobs()

    status, signals = outcome(review)
    assert (status, "moderation_model" in signals) == ("approved", True)
    assert review.comment == "A fine seller.", "what is public stays as it was"


@pytest.mark.django_db
@pytest.mark.parametrize(("usage", "tokens"), [({"total_tokens": 7}, 7), (None, 5)])
def test_tokens_settle_the_lease_and_are_told_of_once(service, usage, tokens):
    service.usage = usage
    review = submitted(title="", comment="Seventeen letters")

    run_due_jobs()

    lease = CapacityLease.objects.get()
    assert (lease.state, lease.estimate_tokens, lease.actual_tokens) == ("settled", 5, tokens)
    assert metered() == [(review.product.vendor_id, str(lease.pk), tokens)]


@pytest.mark.django_db
def test_no_policy_lets_a_rule_approve_what_the_model_flags():
    lenient = policy.Policy(queue_at=1.0, rules={"moderation_model": policy.Rule(0.0, PolicyRule.Action.NOTE)})

    verdict = policy.decide(lenient.weighed([found("moderation_model", "")]), Standing(100, 50), lenient)

    assert verdict == Screening.Verdict.QUEUE


@pytest.mark.django_db
def test_an_author_is_told_in_their_export_what_the_model_said(service):
    review = submitted(comment="The seller is a scoundrel.")
    run_due_jobs()

    (row,) = json.loads("".join(export_of(review.author)))["sections"]["reviews.reviews"]

    (revision,) = row["revisions"]
    assert revision["model_opinion"]["flagged"] is True
    assert revision["model_opinion"]["categories"] == ["harassment"]


@pytest.mark.django_db
def test_an_erased_text_leaves_no_digest_behind(service):
    review = submitted()
    run_due_jobs()
    assert ModelOpinion.objects.exists()

    take_away_reviews(review.author, 100)

    assert not ModelOpinion.objects.exists()
