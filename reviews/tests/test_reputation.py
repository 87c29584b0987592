from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.models import OrderItem
from orders.tests.test_reconcile_order_status import reconcile
from reviews import jobs, reputation
from reviews.models import Reputation, Review, Strike
from reviews.reputation import Facts, Standing, derive, lower_bound, overdue, parts, recompute, standing, standing_of
from reviews.services import approve_review, cast_vote, give_strike, reject_review, revoke_strike
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.identifiers import uuid7
from trustengine.jobs.models import Job
from trustengine.jobs.services import publish
from trustengine.testing import at_once, run_due_jobs

BOUNDS = {
    "approved": (0, 18),
    "rejected": (-48, 0),
    "helpfulness": (-6, 6),
    "refunds": (-15, 0),
    "strikes": (-60, 0),
    "reports": (-8, 4),
    "age": (0, 20),
}
MANY = 1_000_000


def later(**fields):
    Job.objects.filter(state="ready").update(run_at=timezone.now() - timedelta(seconds=1))
    return run_due_jobs(**fields)


@pytest.mark.parametrize(
    ("facts", "part", "points"),
    [
        (Facts(approved=4), "approved", 8),
        (Facts(approved=50), "approved", 18),
        (Facts(rejected=2), "rejected", -24),
        (Facts(rejected=9), "rejected", -48),
        (Facts(helpful=1), "helpfulness", 1),  # 6 × 0.2065
        (Facts(helpful=8, unhelpful=2), "helpfulness", 3),  # 6 × 0.4902 − 6 × 0.0567
        (Facts(unhelpful=40), "helpfulness", -5),  # −6 × 0.9124
        (Facts(approved_reviews=10, refunded_reviews=1), "refunds", 0),  # −15 × 0.0179
        (Facts(approved_reviews=10, refunded_reviews=8), "refunds", -7),  # −15 × 0.4902
        (Facts(strikes=1), "strikes", -20),
        (Facts(strikes=7), "strikes", -60),
        (Facts(reports_upheld=8, reports_dismissed=2), "reports", 2),  # 4 × 0.4902 − 8 × 0.0567
        (Facts(reports_dismissed=40), "reports", -7),  # −8 × 0.9124
        (Facts(age_days=29), "age", 0),
        (Facts(age_days=200), "age", 10),
        (Facts(age_days=9_999), "age", 20),
    ],
)
def test_each_part_gives_what_was_worked_out_for_it(facts, part, points):
    assert parts(facts)[part]["points"] == points


def test_every_part_is_bounded():
    kinds = ("approved", "rejected", "helpful", "unhelpful", "strikes", "reports_upheld", "reports_dismissed")
    extremes = [Facts(**{kind: MANY}, age_days=MANY) for kind in kinds]
    extremes += [Facts(approved_reviews=MANY, refunded_reviews=MANY), Facts()]

    for facts in extremes:
        for name, part in parts(facts).items():
            low, high = BOUNDS[name]
            assert low <= part["points"] <= high, (name, facts)
        assert 0 <= standing(facts).score <= 100
    assert parts(Facts()).keys() == BOUNDS.keys()


@pytest.mark.parametrize(("k", "n", "bound"), [(0, 0, 0), (1, 1, 0.206543), (8, 10, 0.490157), (600, 1000, 0.569309)])
def test_the_bound_is_that_of_the_helpfulness_column(k, n, bound):
    assert lower_bound(k, n) == pytest.approx(bound, abs=1e-6)


def test_an_honest_author_is_trusted_in_time_and_nobody_within_days():
    perfect = Facts(approved=MANY, helpful=MANY, reports_upheld=MANY, age_days=20)

    assert standing(perfect).score == 78
    assert standing(Facts(approved=9, age_days=240)).score >= 80
    assert standing(Facts(approved=9, helpful=12, unhelpful=2, age_days=180)).score >= 80
    assert standing(Facts(approved=30, rejected=1, helpful=60, unhelpful=10, age_days=500)).score >= 80
    assert standing(Facts(approved=30, helpful=60, strikes=1, age_days=900)).score < 80


@pytest.mark.django_db
def test_reputation_follows_from_decisions():
    author = UserFactory()
    for _ in range(3):
        approved_review(delivered_purchase(author))
    reject_review(pending_review(delivered_purchase(author)).pk, actor=moderator(), reason="spam")
    approved_review(delivered_purchase(author))

    run_due_jobs()

    row = Reputation.objects.get(user=author)
    assert (row.approved, row.rejected, row.consecutive_approved, row.warnings_count) == (4, 1, 1, 0)
    assert (row.score, row.formula_version) == (50 + 8 - 12, 2)
    assert row.parts["approved"] == {"points": 8, "approved": 4}
    assert derive([author.pk])[author.pk].parts == row.parts


@pytest.mark.django_db
def test_a_user_of_whom_nothing_was_decided_has_no_row():
    author = UserFactory(date_joined=timezone.now() - timedelta(days=900))
    pending_review(delivered_purchase(author))
    Reputation.objects.create(user=author, score=90, formula_version=1)

    recompute(author.pk)

    assert not Reputation.objects.exists()
    assert standing_of(author.pk) == Standing()


@pytest.mark.django_db
def test_an_account_is_as_old_as_its_first_trace():
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(created_at=timezone.now() - timedelta(days=400))

    assert standing_of(review.author_id).parts["age"] == {"points": 20, "months": 12}


@pytest.mark.django_db
def test_votes_move_the_author_once_in_a_while_and_count_as_pending_until_then():
    review = approved_review()
    run_due_jobs()
    for _ in range(6):
        cast_vote(review.pk, voter=UserFactory(), vote_type="helpful")
    run_due_jobs()

    assert Reputation.objects.get(user=review.author_id).score == 52
    told = reconcile("reputation")[1]["reputation"]
    assert (told["drifted"], told["pending"]) == (0, 1)
    waiting = Job.objects.filter(kind="reviews.recompute_reputation", state="ready")
    assert {job.run_at.minute % 15 for job in waiting} == {0}
    later()
    assert Reputation.objects.get(user=review.author_id).score == 52 + 4  # 6 × 0.6097
    assert reconcile("reputation")[0] == 0


@pytest.mark.django_db
def test_a_refund_weighs_on_who_reviewed_the_purchase():
    review = approved_review()
    run_due_jobs()
    item = OrderItem.objects.get(pk=review.order_item_id)
    OrderItem.objects.filter(pk=item.pk).update(refunded_cents=item.price_cents, refunded_at=timezone.now())

    publish("orders.items_refunded", item_ids=[review.order_item_id])
    run_due_jobs()
    later()

    assert Reputation.objects.get(user=review.author_id).score == 52 - 3  # −15 × 0.2065


@pytest.mark.django_db
def test_a_strike_weighs_until_it_runs_out():
    user, giver = UserFactory(), moderator()
    strike = give_strike(user, actor=giver, reason="spam")
    run_due_jobs()

    row = Reputation.objects.get(user=user)
    assert (row.score, row.warnings_count) == (30, 1)
    assert strike.expires_at - strike.given_at == timedelta(days=180)
    assert reconcile("reputation")[0] == 0
    month_ago = timezone.now() - timedelta(days=31)
    Strike.objects.update(given_at=month_ago, expires_at=timezone.now() - timedelta(seconds=1))
    Reputation.objects.update(computed_at=month_ago + timedelta(days=1))

    assert reconcile("reputation")[0] == 0  # right for the time at which it was computed
    assert list(overdue(batch=5)) == [[user.pk]]
    jobs.let_time_pass()
    run_due_jobs()

    row.refresh_from_db()
    assert (row.score, row.warnings_count, row.parts["age"]["points"]) == (50, 0, 0)
    assert list(overdue(batch=5)) == []


@pytest.mark.django_db
def test_a_strike_that_is_revoked_weighs_no_more():
    user, giver = UserFactory(), moderator()
    strike = give_strike(user, actor=giver, reason="spam", expires_at=timezone.now() + timedelta(days=5))
    revoked = revoke_strike(strike.pk, actor=giver, reason="appeal")
    assert revoke_strike(strike.pk, actor=giver).revoked_at == revoked.revoked_at
    run_due_jobs()

    assert standing_of(user.pk).score == Reputation.objects.get(user=user).score == 50
    assert [entry.verb for entry in Entry.objects.filter(object_id=str(strike.pk)).order_by("position")] == [
        "strike.given",
        "strike.revoked",
    ]


@pytest.mark.django_db
def test_who_may_give_and_revoke_strikes():
    user, giver = UserFactory(), moderator()
    strike = give_strike(user, actor=None, reason="spam")

    for refused, act in [
        (PermissionDenied, partial(give_strike, user, actor=UserFactory(), reason="spam")),
        (PermissionDenied, partial(give_strike, giver, actor=giver, reason="spam")),
        (InvalidInput, partial(give_strike, user, actor=giver, reason="")),
        (InvalidInput, partial(give_strike, user, actor=giver, reason="spam", expires_at=timezone.now())),
        (PermissionDenied, partial(revoke_strike, strike.pk, actor=UserFactory())),
        (NotFound, partial(revoke_strike, uuid7(), actor=giver)),
    ]:
        with pytest.raises(refused):
            act()
    Strike.objects.update(given_at=timezone.now() - timedelta(days=9), expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(InvalidTransition):
        revoke_strike(strike.pk, actor=giver)
    with pytest.raises(IntegrityError), transaction.atomic():
        Strike.objects.update(expires_at=timezone.now() - timedelta(days=10))


@pytest.mark.django_db
def test_who_knows_of_reports_is_asked(monkeypatch):
    author = approved_review().author
    monkeypatch.setattr(reputation, "_report_records", [lambda users: dict.fromkeys(users, (40, 0))])

    assert standing_of(author.pk).parts["reports"] == {"points": 4, "upheld": 40, "dismissed": 0}


@pytest.mark.django_db
def test_many_authors_are_computed_by_one_job_which_excuses_them_meanwhile():
    reviews = [approved_review() for _ in range(4)]
    Job.objects.all().delete()
    from trustengine.jobs.services import enqueue

    enqueue(jobs.recompute_reputations, users=sorted(review.author_id for review in reviews))
    told = reconcile("reputation")[1]["reputation"]
    assert (told["drifted"], told["pending"]) == (0, 4)
    run_due_jobs()

    assert Reputation.objects.count() == 4
    assert reconcile("reputation")[0] == 0


@pytest.mark.django_db
def test_deriving_costs_the_same_for_any_number_of_users(django_assert_num_queries):
    users = [approved_review().author_id for _ in range(6)]
    with django_assert_num_queries(5):
        derive(users[:2])
    with django_assert_num_queries(5):
        derive(users)


@pytest.mark.django_db(transaction=True)
def test_decisions_and_strikes_at_once_end_in_the_derived_reputation():
    author = UserFactory()
    waiting = [pending_review(delivered_purchase(author)).pk for _ in range(6)]

    outcomes = at_once(
        *[partial(approve_review, review, actor=None) for review in waiting],
        *[partial(give_strike, author, actor=None, reason="spam")] * 2,
        *[run_due_jobs] * 2,
    )
    run_due_jobs()

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Reputation.objects.get(user=author).score == standing_of(author.pk).score == 50 + 12 - 40
    assert reconcile("reputation")[0] == 0
