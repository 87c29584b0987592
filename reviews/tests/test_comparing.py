"""The decision page beside other texts and other days."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from reviews.admin.comparing import DAYS, pace_of, similar_texts
from reviews.models import Review, Screening
from reviews.screening import screen
from reviews.services import withdraw_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.admin.days import start_of

pytestmark = pytest.mark.django_db

OTHER = "The kettle boils fast and pours well."
OWN = "The kettle boils slowly and pours well."


def copied(*reviews):
    data = {"reviews": [str(review.pk) for review in reviews], "similarity": 91}
    return {"name": "copied_text", "weight": 0.7, "sentence": "Nearly the same.", "data": data}


def burst(since):
    data = {"found": 9, "expected": 0.5, "since": since.isoformat()}
    return {"name": "product_burst", "weight": 0.6, "sentence": "Too many.", "data": data}


def screened(review, *signals):
    screen(review.pk)
    Screening.objects.filter(revision__review=review).update(signals=list(signals))


def shown(client, review):
    client.force_login(StaffFactory(groups=["Moderators"]))
    answer = client.get(reverse("admin:reviews_review_change", args=[review.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_similar_texts_stand_side_by_side_with_what_differs_marked(client):
    other, review = approved_review(comment=OTHER), pending_review(comment=OWN)
    screened(review, copied(other))

    content = shown(client, review)

    assert "Much alike" in content
    assert "<del>slowly </del><ins>fast </ins>" in content
    assert reverse("admin:reviews_review_change", args=[other.pk]) in content


def test_texts_that_are_gone_or_ill_named_are_left_out():
    gone, review = approved_review(comment=OTHER), pending_review(comment=OWN)
    withdraw_review(gone.pk, author=gone.author)
    odd = {"name": "copied_text", "data": {"reviews": ["x", 3, None]}}
    odder = {"name": "repeated_text", "data": "no object"}

    assert similar_texts(review, review, [copied(gone), odd, odder, {"name": "contact", "data": {}}]) == []


def test_nothing_about_similar_texts_is_shown_where_none_was_found(client):
    review = pending_review()
    screened(review)

    assert "Much alike" not in shown(client, review)


def test_the_pace_counts_the_products_reviews_by_the_marketplaces_days():
    review = pending_review()
    before = approved_review(delivered_purchase(product=review.product))
    approved_review()  # of another product
    noon = start_of(timezone.localdate()) + timedelta(hours=12)
    Review.objects.filter(pk=review.pk).update(created_at=noon)
    Review.objects.filter(pk=before.pk).update(created_at=noon - timedelta(days=3))
    review.refresh_from_db()

    pace = pace_of(review, [burst(noon - timedelta(days=1))])

    assert len(pace.bars) == DAYS
    assert [bar.count for bar in pace.bars[-4:]] == [1, 0, 0, 1]
    assert [bar.in_window for bar in pace.bars[-3:]] == [False, True, True]
    assert pace.bars[-1].is_own
    assert pace.words == "1 on the day of this one, 2 in these 28 days"
    assert not pace_of(review, [{"name": "product_burst", "data": {"since": "yesterday"}}]).is_burst


def test_an_old_reviews_days_are_those_around_it():
    review = pending_review()
    review.created_at = timezone.now() - timedelta(days=100)

    last = pace_of(review, []).bars[-1].day

    assert last == timezone.localdate(review.created_at) + timedelta(days=6)


def test_the_page_marks_a_burst_and_tells_of_quarantine(client):
    review = pending_review()
    screened(review, burst(timezone.now() - timedelta(hours=2)))
    Review.objects.filter(pk=review.pk).update(quarantined_at=timezone.now())

    content = shown(client, review)

    assert 'class="te-in"' in content
    assert "In quarantine since" in content
