from contextlib import suppress
from functools import partial

import pytest

from reviews import errors
from reviews.models import ProductRating, Review
from reviews.services import (
    approve_review,
    edit_review,
    hide_review,
    reject_review,
    restore_review,
    submit_review,
    withdraw_review,
)
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import DomainError, InvalidTransition, PermissionDenied
from trustengine.testing import at_once, run_due_jobs


@pytest.mark.django_db
def test_approval_publishes_counts_and_names_the_moderator():
    review, actor = pending_review(rating=4), moderator()

    approve_review(review.pk, actor=actor, revision=1, reason="approved_ok")

    review.refresh_from_db()
    assert (review.status, review.moderated_by) == ("approved", actor)
    assert ProductRating.objects.get(product=review.product).stars_4 == 1
    entry = Entry.objects.get(verb="review.approved")
    assert (entry.actor_id, entry.reason, entry.after["automated"]) == (actor.pk, "approved_ok", False)


@pytest.mark.django_db
def test_a_rule_that_approves_is_not_recorded_as_a_person():
    review = approved_review()

    entry = Entry.objects.get(verb="review.approved")
    assert review.moderated_by is None
    assert (entry.actor_kind, entry.actor_id, entry.after["automated"]) == ("system", None, True)


@pytest.mark.django_db
def test_what_changed_since_it_was_read_is_not_decided():
    review = pending_review()
    edit_review(review.pk, author=review.author, changes={"comment": "Something else"})

    with pytest.raises(errors.CaseChanged):
        approve_review(review.pk, actor=moderator(), revision=1)


@pytest.mark.django_db
def test_nothing_is_decided_twice():
    review = approved_review()

    with pytest.raises(InvalidTransition):
        reject_review(review.pk, actor=moderator(), reason="spam")


@pytest.mark.django_db
def test_nobody_decides_without_the_right_or_on_their_own_review():
    item = delivered_purchase(moderator())
    own = pending_review(item)

    with pytest.raises(PermissionDenied):
        approve_review(own.pk, actor=UserFactory())
    with pytest.raises(errors.ConflictOfInterest):
        approve_review(own.pk, actor=buyer_of(item))


@pytest.mark.django_db
def test_hiding_takes_a_review_out_of_the_rating_and_restoring_brings_it_back():
    review, actor = approved_review(rating=2), moderator()
    rating = ProductRating.objects.get(product=review.product)

    for _ in range(2):
        hide_review(review.pk, actor=actor, reason="privacy")
    rating.refresh_from_db()
    assert rating.count == 0
    assert not Review.objects.public().exists()

    for _ in range(2):
        restore_review(review.pk, actor=actor, reason="no_violation")
    rating.refresh_from_db()
    assert rating.stars_2 == 1
    assert list(Entry.objects.filter(verb__in=["review.hidden", "review.restored"]).values_list("reason", flat=True))


@pytest.mark.django_db(transaction=True)
def test_two_moderators_at_once_make_one_decision():
    for _ in range(5):
        review = pending_review(rating=3)
        results = at_once(
            partial(approve_review, review.pk, actor=moderator(), revision=1),
            partial(reject_review, review.pk, actor=moderator(), revision=1, reason="spam"),
        )

        assert sum(isinstance(result, InvalidTransition) for result in results) == 1
        review.refresh_from_db()
        rating = ProductRating.objects.filter(product=review.product).first()
        assert (rating.count if rating else 0) == (review.status == "approved")


@pytest.mark.django_db(transaction=True)
def test_everything_at_once_on_one_product_keeps_its_rating_exact():
    reviews = [approved_review(rating=stars) for stars in (1, 3, 5)]
    product = reviews[0].product
    Review.objects.update(product=product)
    ProductRating.objects.all().delete()
    ProductRating.objects.create(product=product, stars_1=1, stars_3=1, stars_5=1)
    actor = moderator()
    waiting = delivered_purchase(product=product)

    def swallow(action):
        with suppress(DomainError):
            action()

    at_once(
        *[
            partial(swallow, action)
            for action in (
                partial(hide_review, reviews[0].pk, actor=actor, reason="spam"),
                partial(restore_review, reviews[0].pk, actor=actor, reason="spam"),
                partial(withdraw_review, reviews[1].pk, author=reviews[1].author),
                partial(hide_review, reviews[1].pk, actor=actor, reason="spam"),
                partial(edit_review, reviews[2].pk, author=reviews[2].author, changes={"rating": 2}),
                partial(approve_review, reviews[2].pk, actor=actor),
                partial(
                    submit_review,
                    author=buyer_of(waiting),
                    product_id=product.pk,
                    order_id=waiting.order_id,
                    rating=4,
                ),
            )
        ]
    )
    run_due_jobs()

    rating = ProductRating.objects.get(product=product)
    counted = [*Review.objects.counted().filter(product=product).values_list("rating", flat=True)]
    assert [getattr(rating, f"stars_{star}") for star in range(1, 6)] == [counted.count(star) for star in range(1, 6)]
