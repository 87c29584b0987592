"""Reputations, strikes and viral reviews in the console."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.admin.reputation import WORDS, explained
from reviews.admin.viral import spread
from reviews.models import SHARDS, Reputation, ReviewHeat, Strike
from reviews.reputation import Facts, parts
from reviews.services import cast_vote, give_strike
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def console():
    client = Client()
    client.force_login(StaffFactory(groups=["Moderators"]))
    return client


def heat(review, pace):
    now = timezone.now()
    ReviewHeat.objects.update_or_create(
        pk=review.pk,
        defaults={
            "actions": 9,
            "measured_at": now,
            "votes_per_second": pace,
            "viral_since": now - timedelta(minutes=3),
            "next_fold_at": now + timedelta(seconds=9),
        },
    )


def test_a_score_is_explained_by_all_its_parts(console):
    review = approved_review()
    give_strike(review.author, actor=None, reason="spam")
    run_due_jobs()

    page = console.get(reverse("admin:reviews_reputation_change", args=[review.author_id])).content.decode()

    assert "Approved texts" in page
    assert "1 approved" in page
    assert "1 active" in page
    assert "spam" in page
    stored = Reputation.objects.get(user=review.author_id)
    assert sum(part.points for part in explained(stored.parts)) == stored.score == 50 + 2 - 20


def test_every_part_of_the_formula_has_its_words():
    assert list(WORDS) == list(parts(Facts()))
    assert [part.points for part in explained(parts(Facts()))] == [50, 0, 0, 0, 0, 0, 0, 0]


def test_the_page_of_a_review_explains_its_author(console):
    review = approved_review()

    page = console.get(reverse("admin:reviews_review_change", args=[review.pk])).content.decode()

    assert "How the reputation came about" in page
    assert "Time as a member" in page


def test_the_lists_of_reputations_and_strikes_cost_the_same_for_any_number(console, django_assert_max_num_queries):
    for name in ("admin:reviews_reputation_changelist", "admin:reviews_strike_changelist"):
        counts = []
        for _ in range(2):
            for _ in range(3):
                give_strike(approved_review().author, actor=None, reason="spam")
            run_due_jobs()
            with django_assert_max_num_queries(100) as queries:
                assert console.get(reverse(name)).status_code == 200
            counts.append(len(queries))
        assert counts[0] == counts[1]


def test_a_moderator_revokes_a_strike_from_the_list(console):
    strike = give_strike(UserFactory(), actor=None, reason="spam")

    console.post(reverse("admin:reviews_strike_changelist"), {"action": "revoke", "_selected_action": [str(strike.pk)]})

    strike.refresh_from_db()
    assert strike.revoked_at is not None
    assert Strike.objects.active().count() == 0


def test_viral_reviews_are_shown_with_their_pace_and_how_evenly_their_shards_fill(console):
    calm, viral = approved_review(title="Calm"), approved_review(title="On every phone")
    for _ in range(12):
        cast_vote(viral.pk, voter=UserFactory(), vote_type="helpful")
    run_due_jobs()
    heat(viral, 812.5)
    ReviewHeat.objects.filter(pk=calm.pk).update(next_fold_at=None)

    page = console.get(reverse("admin:reviews_review_viral")).content.decode()
    home = console.get(reverse("admin:index")).content.decode()

    assert "On every phone" in page
    assert "812.5" in page
    assert page.count("<rect") == SHARDS
    assert "Calm" not in page
    assert "On every phone" in home


def test_the_viral_page_is_for_those_who_may_see_reviews():
    client = Client()
    client.force_login(StaffFactory())

    assert client.get(reverse("admin:reviews_review_viral")).status_code == 403


def test_an_even_spread_and_one_that_favours_a_shard_are_told_apart():
    assert spread([10] * SHARDS) | {"bars": []} == {
        "emptiest": 10,
        "fullest": 10,
        "mean": 10,
        "unevenness": 0,
        "is_even": True,
        "bars": [],
    }
    assert not spread([200, *[10] * (SHARDS - 1)])["is_even"]
    assert spread([])["is_even"]
