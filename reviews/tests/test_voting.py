from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Sum
from django.test import override_settings
from django.utils import timezone

from orders.errors import ProductInactive
from orders.models import Product
from reviews import errors
from reviews.models import SHARDS, Review, ReviewVote, ReviewVoteShard, shard_of
from reviews.services import cast_vote, hide_review, withdraw_review, withdraw_vote
from reviews.tests.factories import approved_review, moderator, pending_review
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.models import Membership, User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import AccountSuspended, RateLimitExceeded
from trustengine.identifiers import uuid7
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs


def shard_totals(review: Review) -> tuple[int, int]:
    totals = ReviewVoteShard.objects.filter(review_id=review.pk).aggregate(
        h=Sum("helpful", default=0), u=Sum("unhelpful", default=0)
    )
    return totals["h"], totals["u"]


def vote_totals(review: Review) -> tuple[int, int]:
    votes = ReviewVote.objects.filter(review_id=review.pk)
    return votes.filter(helpful=True).count(), votes.filter(helpful=False).count()


@pytest.mark.django_db
def test_a_vote_shows_in_the_answer_at_once_and_in_the_review_after_the_fold():
    review, voter = approved_review(), UserFactory()

    outcome = cast_vote(review.pk, voter=voter, vote_type="helpful")

    assert (outcome.vote_type, outcome.changed, outcome.previous_vote) == ("helpful", True, None)
    assert (outcome.helpful_votes, outcome.unhelpful_votes) == (1, 0)
    review.refresh_from_db()
    assert review.helpful_votes == 0
    run_due_jobs()
    review.refresh_from_db()
    assert review.helpful_votes == 1
    assert review.helpfulness > 0


@pytest.mark.django_db
def test_repeating_changing_and_withdrawing_a_vote():
    review, voter = approved_review(), UserFactory()
    cast_vote(review.pk, voter=voter, vote_type="helpful")

    assert not cast_vote(review.pk, voter=voter, vote_type="helpful").changed
    switched = cast_vote(review.pk, voter=voter, vote_type="unhelpful")
    assert (switched.previous_vote, switched.helpful_votes, switched.unhelpful_votes) == ("helpful", 0, 1)
    gone = withdraw_vote(review.pk, voter=voter)
    assert (gone.vote_type, gone.changed, gone.previous_vote) == (None, True, "unhelpful")
    assert not withdraw_vote(review.pk, voter=voter).changed
    assert shard_totals(review) == (0, 0)
    assert Entry.objects.filter(object_type="reviews.reviewvote").count() == 3


@pytest.mark.django_db
def test_a_repeat_leaves_no_job_behind():
    review, voter = approved_review(), UserFactory()
    cast_vote(review.pk, voter=voter, vote_type="helpful")
    jobs = Job.objects.filter(kind="reviews.fold_votes").count()

    cast_vote(review.pk, voter=voter, vote_type="helpful")

    assert Job.objects.filter(kind="reviews.fold_votes").count() == jobs == 1


@pytest.mark.django_db
def test_who_may_not_vote_and_on_what():
    review = approved_review()
    voter, member = UserFactory(), UserFactory()
    Membership.objects.create(user=member, profile=review.product.vendor, role="viewer")
    pending = pending_review()
    hidden = hide_review(approved_review().pk, actor=moderator(), reason="spam")
    withdrawn = approved_review()
    withdraw_review(withdrawn.pk, author=withdrawn.author)
    unsold = approved_review()
    Product.objects.filter(pk=unsold.product_id).update(is_active=False)

    for who, what, error in [
        (review.author, review.pk, errors.SelfVoteProhibited),
        (member, review.pk, errors.ConflictOfInterest),
        (pending.author, pending.pk, errors.ReviewNotApproved),
        (voter, pending.pk, errors.ReviewNotFound),
        (voter, hidden.pk, errors.ReviewNotFound),
        (voter, withdrawn.pk, errors.ReviewDeleted),
        (voter, unsold.pk, ProductInactive),
        (voter, uuid7(), errors.ReviewNotFound),
        (UserFactory(suspended_at=timezone.now()), review.pk, AccountSuspended),
    ]:
        with pytest.raises(error):
            cast_vote(what, voter=who, vote_type="helpful")
        with pytest.raises(error):
            withdraw_vote(what, voter=who)
    with pytest.raises(errors.InvalidVoteType):
        cast_vote(review.pk, voter=voter, vote_type="love")
    assert not ReviewVote.objects.exists()


@pytest.mark.django_db
@override_settings(VOTES_PER_MINUTE=3)
def test_switching_to_and_fro_is_limited_like_voting():
    review, voter = approved_review(), UserFactory()

    for number in range(3):
        cast_vote(review.pk, voter=voter, vote_type=("helpful", "unhelpful")[number % 2])

    for act in (partial(cast_vote, vote_type="unhelpful"), withdraw_vote):
        with pytest.raises(RateLimitExceeded) as refusal:
            act(review.pk, voter=voter)
        assert 1 <= int(refusal.value.headers["Retry-After"]) <= 60


def test_shards_are_stable_and_even():
    counts = [0] * SHARDS
    for _ in range(64_00):
        counts[shard_of(uuid7())] += 1

    assert min(counts) > 50
    assert max(counts) < 160
    fixed = uuid7()
    assert shard_of(fixed) == shard_of(fixed)


@pytest.mark.django_db(transaction=True)
def test_two_parallel_votes_of_one_user_count_once():
    review, voter = approved_review(), UserFactory()

    at_once(*[partial(cast_vote, review.pk, voter=voter, vote_type="helpful")] * 8)

    assert ReviewVote.objects.filter(review_id=review.pk).count() == 1
    assert shard_totals(review) == (1, 0)


@pytest.mark.django_db(transaction=True)
@override_settings(VOTES_PER_MINUTE=10_000)
def test_any_mix_of_parallel_votes_is_counted_exactly():
    review, voters = approved_review(), [UserFactory() for _ in range(3)]

    def mixed(number: int) -> None:
        voter: User = voters[number % 3]
        for step in range(12):
            if (number + step) % 4 == 0:
                withdraw_vote(review.pk, voter=voter)
            else:
                cast_vote(review.pk, voter=voter, vote_type=("helpful", "unhelpful")[(number + step) % 2])

    results = at_once(*[partial(mixed, number) for number in range(6)])
    run_due_jobs()

    assert not [result for result in results if isinstance(result, Exception)]
    review.refresh_from_db()
    assert shard_totals(review) == vote_totals(review) == (review.helpful_votes, review.unhelpful_votes)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "pending"},
        {"status": "rejected"},
        {"is_hidden": True},
        {"restricted_at": timezone.now()},
        {"quarantined_at": timezone.now()},
        {"purchase_refunded_at": timezone.now()},
    ],
)
def test_what_is_public_may_be_voted_on_and_nothing_else(fields):
    """The check is SQL of its own; this holds it to the one definition."""
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(**fields)

    if Review.objects.public().filter(pk=review.pk).exists():
        assert cast_vote(review.pk, voter=UserFactory(), vote_type="helpful").changed
    else:
        with pytest.raises(errors.ReviewNotFound):
            cast_vote(review.pk, voter=UserFactory(), vote_type="helpful")
        with pytest.raises(errors.ReviewNotApproved):
            cast_vote(review.pk, voter=moderator(), vote_type="helpful")


@pytest.mark.django_db
def test_a_vote_costs_a_fixed_number_of_statements(django_assert_num_queries):
    review, voter = approved_review(), UserFactory()

    with django_assert_num_queries(6):  # a savepoint and its release, checks, vote and totals, trace, job
        cast_vote(review.pk, voter=voter, vote_type="helpful")
    with django_assert_num_queries(8):  # and a change moves its shard in a later statement
        cast_vote(review.pk, voter=voter, vote_type="unhelpful")


@pytest.mark.django_db
def test_a_closed_account_votes_no_more_whatever_its_caller_still_believes():
    review, voter = approved_review(), UserFactory()
    request_erasure(User.objects.get(pk=voter.pk), actor=None)
    assert voter.is_active  # as loaded before the account was closed

    with pytest.raises(AccountSuspended):
        cast_vote(review.pk, voter=voter, vote_type="helpful")
    assert not ReviewVote.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_vote_does_not_wait_for_whoever_holds_the_review():
    """The row of a viral review would be what every vote queues up for."""
    review, voter = approved_review(), UserFactory()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM reviews_review WHERE id = %s FOR NO KEY UPDATE", [review.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        assert cast_vote(review.pk, voter=voter, vote_type="helpful").changed
        assert cast_vote(review.pk, voter=voter, vote_type="unhelpful").unhelpful_votes == 1
        assert withdraw_vote(review.pk, voter=voter).unhelpful_votes == 0
    finally:
        other.close()
        connection.close()


@pytest.mark.django_db
def test_counts_of_votes_below_nothing_are_refused_rather_than_hidden():
    review, voter = approved_review(), UserFactory()
    cast_vote(review.pk, voter=voter, vote_type="helpful")

    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewVoteShard.objects.update(helpful=F("helpful") - 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(helpful_votes=-1)
    assert shard_totals(review) == (1, 0)
