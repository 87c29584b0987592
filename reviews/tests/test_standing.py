"""What becomes of votes when their voter is suspended, reinstated or erased, and when their review is withdrawn."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import override_settings
from django.utils import timezone

from orders.tests.test_reconcile_order_status import reconcile
from reviews import jobs
from reviews.models import Review, ReviewVote, ReviewVoteShard
from reviews.services import cast_vote, take_back_votes, withdraw_review, withdraw_vote
from reviews.services.standing import follow_standing
from reviews.tests.factories import approved_review
from reviews.tests.test_voting import shard_totals
from trustengine.accounts.services import reinstate_user, suspend_user
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import AccountSuspended
from trustengine.jobs.models import Job
from trustengine.origins import Origin
from trustengine.testing import api_client_for, at_once, run_due_jobs

pytestmark = pytest.mark.django_db


def folded(review):
    review.refresh_from_db()
    return review.helpful_votes, review.unhelpful_votes


def test_votes_of_a_suspended_user_stop_counting_and_count_again_after(monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    reviews, voter, other = [approved_review() for _ in range(5)], UserFactory(), UserFactory()
    for review in reviews:
        cast_vote(review.pk, voter=voter, vote_type="helpful")
        cast_vote(review.pk, voter=other, vote_type="unhelpful")
    run_due_jobs()

    suspend_user(voter, actor=None, reason="spam")
    run_due_jobs()
    assert {folded(review) for review in reviews} == {(0, 1)}
    assert {shard_totals(review) for review in reviews} == {(0, 1)}
    assert reconcile("votes")[0] == 0

    reinstate_user(voter, actor=None, reason="appeal")
    run_due_jobs()
    assert {folded(review) for review in reviews} == {(1, 1)}
    assert reconcile("votes")[0] == 0


def test_a_vote_that_does_not_count_yet_again_may_be_changed_and_withdrawn():
    review, voter = approved_review(), UserFactory()
    cast_vote(review.pk, voter=voter, vote_type="helpful")
    suspend_user(voter, actor=None, reason="spam")
    run_due_jobs()
    voter = reinstate_user(voter, actor=None, reason="appeal")

    changed = cast_vote(review.pk, voter=voter, vote_type="unhelpful")

    assert (changed.changed, changed.previous_vote) == (True, "helpful")
    assert shard_totals(review) == (0, 0)
    run_due_jobs()
    assert shard_totals(review) == folded(review) == (0, 1)

    suspend_user(voter, actor=None, reason="spam")
    run_due_jobs()
    voter = reinstate_user(voter, actor=None, reason="appeal")
    assert withdraw_vote(review.pk, voter=voter).previous_vote == "unhelpful"
    run_due_jobs()
    assert shard_totals(review) == folded(review) == (0, 0)


def test_a_suspension_is_seen_whatever_the_request_knew_of_the_user():
    review, voter = approved_review(), UserFactory()
    suspend_user(voter, actor=None, reason="spam")
    voter.suspended_at = None  # as a request that began before has it

    with pytest.raises(AccountSuspended):
        cast_vote(review.pk, voter=voter, vote_type="helpful")


@pytest.mark.django_db(transaction=True)
@override_settings(VOTES_PER_MINUTE=10_000)
def test_suspensions_that_cross_with_votes_leave_nothing_wrong():
    reviews, voters = [approved_review() for _ in range(3)], [UserFactory() for _ in range(3)]

    def vote(voter) -> None:
        for step in range(15):
            review = reviews[step % 3]
            try:
                if step % 5 == 4:
                    withdraw_vote(review.pk, voter=voter)
                else:
                    cast_vote(review.pk, voter=voter, vote_type=("helpful", "unhelpful")[step % 2])
            except AccountSuspended:
                continue

    def waver(voter) -> None:
        for _ in range(4):
            suspend_user(voter, actor=None, reason="spam")
            follow_standing(voter.pk, batch=2)
            reinstate_user(voter, actor=None, reason="appeal")
        suspend_user(voter, actor=None, reason="spam")

    outcomes = at_once(
        *[partial(vote, voter) for voter in voters],
        *[partial(waver, voter) for voter in voters[:2]],
        *[run_due_jobs] * 2,
    )
    run_due_jobs()

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert reconcile("votes")[0] == 0
    assert not ReviewVote.objects.filter(user_id__in=[voter.pk for voter in voters[:2]], counts=True).exists()
    assert not ReviewVote.objects.filter(user_id=voters[2].pk, counts=False).exists()
    counted = ReviewVote.objects.filter(counts=True, helpful=True).count()
    assert sum(folded(review)[0] for review in reviews) == counted


def test_votes_of_an_erased_user_are_taken_back_batch_by_batch():
    reviews, voter = [approved_review() for _ in range(5)], UserFactory()
    for review in reviews:
        cast_vote(review.pk, voter=voter, vote_type="helpful")
    cast_vote(reviews[0].pk, voter=UserFactory(), vote_type="helpful")

    assert [take_back_votes(voter.pk, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    run_due_jobs()

    assert not ReviewVote.objects.filter(user_id=voter.pk).exists()
    assert [folded(review) for review in reviews] == [(1, 0)] + [(0, 0)] * 4
    assert reconcile("votes")[0] == 0


def test_votes_that_did_not_count_are_taken_back_without_counting_twice():
    review, voter = approved_review(), UserFactory()
    cast_vote(review.pk, voter=voter, vote_type="helpful")
    suspend_user(voter, actor=None, reason="spam")
    run_due_jobs()

    assert take_back_votes(voter.pk) == 1
    run_due_jobs()

    assert shard_totals(review) == folded(review) == (0, 0)


def test_a_withdrawn_review_leaves_neither_votes_nor_shards(monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    review, other = approved_review(), approved_review()
    for _ in range(5):
        voter = UserFactory()
        cast_vote(review.pk, voter=voter, vote_type="helpful")
        cast_vote(other.pk, voter=voter, vote_type="helpful")
    withdraw_review(review.pk, author=review.author)

    run_due_jobs()

    assert not ReviewVote.objects.filter(review_id=review.pk).exists()
    assert not ReviewVoteShard.objects.filter(review_id=review.pk).exists()
    assert (folded(review), folded(other)) == ((0, 0), (5, 0))
    assert reconcile("votes")[0] == 0
    assert Entry.objects.filter(verb="review.votes_removed", object_id=str(review.pk)).count() == 3


def test_a_vote_that_crossed_with_the_withdrawal_goes_with_the_second_look():
    review = approved_review()
    withdraw_review(review.pk, author=review.author)
    run_due_jobs()
    again = Job.objects.get(kind="reviews.remove_votes", state="ready")
    assert again.run_at > timezone.now() + timedelta(minutes=4)
    ReviewVote.objects.create(review_id=review.pk, user_id=UserFactory().pk, helpful=True, shard=3)
    Review.objects.filter(pk=review.pk).update(deleted_at=timezone.now() - timedelta(minutes=6))

    Job.objects.filter(pk=again.pk).update(run_at=timezone.now())
    run_due_jobs()

    assert not ReviewVote.objects.exists()
    assert not Job.objects.filter(kind="reviews.remove_votes", state="ready").exists()


def test_where_a_vote_came_from_is_kept_as_hashes_and_forgotten_in_time():
    review, voter = approved_review(), UserFactory()
    client = api_client_for(voter)
    path = f"/api/v1/reviews/{review.pk}/vote/"
    answer = client.put(
        path, {"vote_type": "helpful"}, REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Browser 1", format="json"
    )
    assert answer.status_code == 200
    vote = ReviewVote.objects.get()
    assert len(vote.ip_hash) == len(vote.agent_hash) == 32
    cast_vote(review.pk, voter=UserFactory(), vote_type="helpful", origin=Origin("a" * 32, "b" * 32))
    ReviewVote.objects.filter(user_id=voter.pk).update(updated_at=timezone.now() - timedelta(days=91))

    jobs.forget()

    vote = ReviewVote.objects.get(user_id=voter.pk)
    assert (vote.ip_hash, vote.agent_hash, vote.helpful) == ("", "", True)
    assert ReviewVote.objects.exclude(user_id=voter.pk).get().ip_hash == "a" * 32


@pytest.mark.django_db(transaction=True)
@override_settings(VOTES_PER_MINUTE=10_000)
def test_changes_repeats_and_withdrawals_of_one_user_at_once_are_counted_exactly():
    review, voter = approved_review(), UserFactory()

    outcomes = at_once(
        *[partial(cast_vote, review.pk, voter=voter, vote_type=word) for word in ("helpful", "unhelpful") * 3],
        *[partial(withdraw_vote, review.pk, voter=voter)] * 3,
        *[run_due_jobs] * 2,
    )
    run_due_jobs()

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    votes = ReviewVote.objects.filter(review_id=review.pk)
    counts = (votes.filter(helpful=True).count(), votes.filter(helpful=False).count())
    assert shard_totals(review) == folded(review) == counts
    assert sum(counts) <= 1


@pytest.mark.django_db(transaction=True)
@override_settings(VOTES_PER_MINUTE=10_000)
def test_the_last_vote_is_folded_however_it_crosses_with_a_fold():
    review, voters = approved_review(), [UserFactory() for _ in range(40)]

    def vote(share) -> None:
        for voter in share:
            cast_vote(review.pk, voter=voter, vote_type="helpful")

    outcomes = at_once(*[partial(vote, voters[number::4]) for number in range(4)], *[run_due_jobs] * 2)
    run_due_jobs()

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert folded(review) == shard_totals(review) == (40, 0)
    assert ReviewVoteShard.objects.filter(review_id=review.pk).count() > 10
