"""Restricted reviews: who sees them, who is told, when it ends; and that nothing gives one away."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews import errors
from reviews.jobs import find_expired_restrictions
from reviews.models import ProductRating, Restriction, Review
from reviews.services import (
    approve_review,
    cast_vote,
    lift_restriction,
    restrict_review,
    withdraw_review,
    withdraw_vote,
    write_reply,
)
from reviews.services.reply_moderation import approve_reply
from reviews.services.restriction import expire_restriction
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition, PermissionDenied
from trustengine.testing import api_client_for, at_once, run_due_jobs

Ground = Restriction.Ground
TOLD, EXCEPTED = Ground.MANIPULATED_RATING, Ground.DECEPTIVE_HIGH_VOLUME_COMMERCIAL


def stars(product):
    rating = ProductRating.objects.filter(product=product).first()
    return rating.count if rating else 0


@pytest.mark.django_db
def test_restricting_takes_a_review_out_of_the_rating_and_lifting_brings_it_back():
    review, actor = approved_review(rating=2), moderator()

    for _ in range(2):
        restrict_review(review.pk, actor=actor, ground=TOLD, reason="fake")
    assert (stars(review.product), Review.objects.public().count(), Restriction.objects.count()) == (0, 0, 1)
    entry = Entry.objects.get(verb="review.restricted")
    assert (entry.actor_id, entry.reason, entry.after["ground"], entry.after["notified"]) == (
        actor.pk,
        "fake",
        "manipulated_rating",
        True,
    )

    for _ in range(2):
        lift_restriction(review.pk, actor=actor, reason="no_violation")
    assert (stars(review.product), Review.objects.public().count()) == (1, 1)
    assert Entry.objects.filter(verb="review.restriction_lifted").count() == 1


@pytest.mark.django_db
def test_what_is_approved_while_restricted_stays_out_of_sight_and_rating():
    review = pending_review()
    restrict_review(review.pk, actor=None, ground=TOLD)

    approve_review(review.pk, actor=moderator())

    assert stars(review.product) == 0
    assert api_client_for().get(f"/api/v1/reviews/{review.pk}/").status_code == 404


@pytest.mark.django_db
def test_silence_is_refused_on_every_ground_but_the_excepted_one():
    review = approved_review()
    for ground in set(Ground) - {EXCEPTED}:
        with pytest.raises(InvalidInput):
            restrict_review(review.pk, actor=None, ground=ground, notify=False)
        with pytest.raises(IntegrityError), transaction.atomic():
            Restriction.objects.create(review=review, ground=ground, is_notified=False)

    restrict_review(review.pk, actor=None, ground=EXCEPTED, notify=False)
    assert Entry.objects.get(verb="review.restricted").after["notified"] is False


@pytest.mark.django_db
def test_an_unknown_ground_a_past_end_and_a_second_ground_are_refused():
    review = approved_review()
    for wrong in ({"ground": "because"}, {"ground": TOLD, "expires_at": timezone.now()}):
        with pytest.raises(InvalidInput):
            restrict_review(review.pk, actor=None, **wrong)
    restrict_review(review.pk, actor=None, ground=TOLD)

    with pytest.raises(InvalidTransition):
        restrict_review(review.pk, actor=None, ground=Ground.LEGAL_ORDER)


@pytest.mark.django_db
def test_only_moderators_without_an_interest_restrict_and_lift():
    review, employed = approved_review(), moderator()
    Membership.objects.create(user=employed, profile=review.product.vendor, role="viewer")

    for actor, error in [(UserFactory(), PermissionDenied), (employed, errors.ConflictOfInterest)]:
        with pytest.raises(error):
            restrict_review(review.pk, actor=actor, ground=TOLD)
        with pytest.raises(error):
            lift_restriction(review.pk, actor=actor, reason="x")


@pytest.mark.django_db
def test_the_author_is_told_ground_and_end_unless_the_ground_is_excepted():
    end = timezone.now() + timedelta(days=14)
    told, untold = approved_review(), approved_review()
    restrict_review(told.pk, actor=moderator(), ground=TOLD, expires_at=end)
    untold.refresh_from_db()
    url = f"/api/v1/reviews/{untold.pk}/"
    before = api_client_for(untold.author).get(url).json()
    restrict_review(untold.pk, actor=moderator(), ground=EXCEPTED, notify=False)

    for shown in (
        api_client_for(told.author).get(f"/api/v1/reviews/{told.pk}/").json(),
        api_client_for(told.author).get("/api/v1/me/reviews/").json()["results"][0],
    ):
        restriction = shown["restriction"]
        assert restriction["ground"] == "manipulated_rating"
        assert restriction["sentence"] == Ground.MANIPULATED_RATING.label
        assert restriction["expires_at"] == end.isoformat().replace("+00:00", "Z")
        assert restriction["appealable"] is True
    assert api_client_for(untold.author).get(url).json() == before
    assert before["restriction"] is None
    assert api_client_for(untold.author).get("/api/v1/me/reviews/").json()["results"][0]["restriction"] is None


@pytest.mark.django_db
def test_a_restriction_ends_when_its_time_is_over():
    review, other = approved_review(), approved_review()
    restriction = restrict_review(review.pk, actor=None, ground=TOLD, expires_at=timezone.now() + timedelta(days=1))
    restrict_review(other.pk, actor=None, ground=TOLD, expires_at=timezone.now() + timedelta(days=1))
    find_expired_restrictions()
    run_due_jobs()
    assert Review.objects.public().count() == 0

    past = timezone.now() - timedelta(seconds=1)
    Restriction.objects.filter(pk=restriction.pk).update(imposed_at=past - timedelta(days=2), expires_at=past)
    find_expired_restrictions()
    run_due_jobs()

    assert list(Review.objects.public()) == [review]
    assert stars(review.product) == 1
    entry = Entry.objects.get(verb="review.restriction_lifted")
    assert (entry.actor_kind, entry.reason) == ("system", "expired")
    assert not expire_restriction(restriction.pk)


@pytest.mark.django_db
def test_the_restriction_of_a_withdrawn_review_ends_too():
    review = approved_review()
    restriction = restrict_review(review.pk, actor=None, ground=TOLD, expires_at=timezone.now() + timedelta(days=1))
    withdraw_review(review.pk, author=review.author)
    past = timezone.now() - timedelta(seconds=1)
    Restriction.objects.filter(pk=restriction.pk).update(imposed_at=past - timedelta(days=2), expires_at=past)

    assert expire_restriction(restriction.pk)
    assert stars(review.product) == 0


@pytest.mark.django_db(transaction=True)
def test_two_restrictions_and_two_liftings_at_once_move_the_rating_once():
    review, actor = approved_review(), moderator()

    at_once(*[partial(restrict_review, review.pk, actor=actor, ground=TOLD)] * 3)
    assert (stars(review.product), Restriction.objects.active().count()) == (0, 1)

    at_once(*[partial(lift_restriction, review.pk, actor=actor, reason="no_violation")] * 3)
    assert (stars(review.product), Restriction.objects.active().count()) == (1, 0)


# Nothing gives it away

READS = [
    "/api/v1/products/",
    "/api/v1/products/?ordering=score",
    "/api/v1/products/?min_rating=1",
    "/api/v1/products/{product}/",
    "/api/v1/products/{product}/rating/",
    "/api/v1/products/{product}/reviews/",
    "/api/v1/products/{product}/reviews/?ordering=newest",
    "/api/v1/products/{product}/reviews/?ordering=highest",
    "/api/v1/products/{product}/reviews/?ordering=lowest",
    "/api/v1/products/{product}/reviews/?search=conspicuous",
    "/api/v1/products/{product}/reviews/?rating=5",
    "/api/v1/products/{product}/reviews/?verified=true",
    "/api/v1/products/{product}/reviews/?has_reply=true",
    "/api/v1/products/{product}/reviews/?has_reply=false",
    "/api/v1/products/{product}/reviews/?page_size=1",
    "/api/v1/reviews/{review}/",
    "/api/v1/reviews/{review}/history/",
    "/api/v1/reviews/{review}/reply/",
]
WRITES = [
    ("put", "/api/v1/reviews/{review}/vote/", {"vote_type": "helpful"}),
    ("delete", "/api/v1/reviews/{review}/vote/", None),
    ("put", "/api/v1/reviews/{review}/reply/", {"text": "Thank you."}),
    ("delete", "/api/v1/reviews/{review}/reply/", None),
    ("patch", "/api/v1/reviews/{review}/", {"rating": 1}),
    ("delete", "/api/v1/reviews/{review}/", None),
]


def as_bytes(answer):
    """What a client can compare of an answer: all but the id of the request."""
    body = answer.content
    if answer.status_code >= 400:
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, body, answer.get("ETag"), answer.get("Last-Modified"), answer.get("Cache-Control")


@pytest.mark.django_db
def test_a_restricted_review_leaks_nowhere(settings):
    settings.VOTES_PER_MINUTE = 1_000
    product = ProductFactory()
    others = [approved_review(delivered_purchase(product=product), rating=3) for _ in range(2)]
    member = MembershipFactory(profile=product.vendor, role="manager").user
    readers = [
        api_client_for(),
        api_client_for(UserFactory()),
        api_client_for(member),
        api_client_for(others[0].author),
    ]
    item = delivered_purchase(product=product)  # bought before, so that only the review is new
    nowhere = item.pk  # the id of no review

    def asked(review_id):
        answers = {}
        for number, client in enumerate(readers):
            for url in READS:
                answers[number, url] = as_bytes(client.get(url.format(product=product.pk, review=review_id)))
            for method, url, body in WRITES:
                answer = getattr(client, method)(url.format(product=product.pk, review=review_id), body)
                answers[number, method, url] = as_bytes(answer)
        return answers

    without = asked(nowhere)
    restricted = approved_review(item, rating=5, title="Conspicuous")
    written = write_reply(restricted.pk, member=member, text="Thank you, conspicuous buyer.")
    approve_reply(written.reply.pk, actor=None)
    shown = asked(restricted.pk)
    restrict_review(restricted.pk, actor=None, ground=TOLD)
    with_it = asked(restricted.pk)

    assert with_it == without
    assert all(shown[0, url] != without[0, url] for url in READS if "has_reply=false" not in url and "?search" in url)
    assert shown[0, "/api/v1/products/{product}/rating/"] != without[0, "/api/v1/products/{product}/rating/"]


@pytest.mark.django_db
def test_moderators_and_the_author_still_read_a_restricted_review():
    review = approved_review()
    restrict_review(review.pk, actor=None, ground=TOLD)

    for reader in (review.author, moderator()):
        assert api_client_for(reader).get(f"/api/v1/reviews/{review.pk}/").status_code == 200
        assert api_client_for(reader).get(f"/api/v1/reviews/{review.pk}/history/").status_code == 200


@pytest.mark.django_db
def test_voting_on_ones_own_review_gives_no_restriction_away():
    plain, restricted = approved_review(), approved_review()
    restrict_review(restricted.pk, actor=None, ground=EXCEPTED, notify=False)

    for review in (plain, restricted):
        for vote in (partial(cast_vote, vote_type="helpful"), withdraw_vote):
            with pytest.raises(errors.SelfVoteProhibited):
                vote(review.pk, voter=review.author)
    with pytest.raises(errors.ReviewNotFound):
        cast_vote(restricted.pk, voter=UserFactory(), vote_type="helpful")
    with pytest.raises(errors.ReviewNotApproved):
        cast_vote(restricted.pk, voter=moderator(), vote_type="helpful")
