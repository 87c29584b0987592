from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews import errors
from reviews.models import ProductRating, Review, ReviewRevision
from reviews.services import approve_review, edit_review, reject_review, submit_review, withdraw_review
from reviews.services.purchase import eligibility
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import AccountSuspended, AgeRestricted, PermissionDenied
from trustengine.testing import at_once


def submit(item, author=None, **content):
    content = {"rating": 5} | content
    return submit_review(author=author or buyer_of(item), product_id=item.product_id, order_id=item.order_id, **content)


@pytest.mark.django_db
def test_a_new_review_is_pending_and_remembers_its_purchase():
    item = delivered_purchase(quantity=2)

    submission = submit(item, rating=4, title="Fine", comment="It works.")

    review = submission.review
    assert not submission.is_update
    assert (review.status, review.verification, review.order_item) == ("pending", "delivered", item)
    assert review.purchase["quantity"] == 2
    assert review.purchase["order"] == str(item.order_id)
    assert [revision.state for revision in review.revisions.all()] == ["pending"]
    assert not ProductRating.objects.filter(product=item.product).exists()


@pytest.mark.django_db
def test_an_order_that_is_unknown_foreign_or_of_another_product_gets_one_answer():
    item, other = delivered_purchase(), delivered_purchase()
    author = buyer_of(item)
    answers = set()
    for product, order in [
        (item.product_id, other.order_id),
        (other.product_id, item.order_id),
        (other.product_id, other.order_id),
        (item.product_id, item.pk),
    ]:
        with pytest.raises(errors.PurchaseNotVerified) as refusal:
            submit_review(author=author, product_id=product, order_id=order, rating=5)
        answers.add(str(refusal.value))

    assert len(answers) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"delivered_at": None, "fulfilment_status": "shipped"}, errors.OrderNotDelivered),
        ({"refunded_at": timezone.now()}, errors.PurchaseRefunded),
        ({"delivered_at": timezone.now() - timedelta(days=91)}, errors.ReviewPeriodExpired),
    ],
)
def test_what_was_not_delivered_or_kept_or_long_ago_is_refused(fields, error):
    with pytest.raises(error):
        submit(delivered_purchase(**fields))


@pytest.mark.django_db
def test_one_delivered_item_of_a_split_shipment_is_enough():
    arrived = delivered_purchase()
    OrderItemFactory(order=arrived.order, product=arrived.product)
    OrderItemFactory(order=arrived.order)

    assert submit(arrived).review.order_item == arrived


@pytest.mark.django_db
def test_members_of_the_vendor_do_not_review_their_own_products():
    item = delivered_purchase()
    Membership.objects.create(user=buyer_of(item), profile=item.product.vendor, role="viewer")

    with pytest.raises(errors.ConflictOfInterest):
        submit(item)


@pytest.mark.django_db
def test_eligibility_tells_what_a_submission_would_be_refused_with():
    suspended = delivered_purchase(UserFactory(suspended_at=timezone.now()))
    young = delivered_purchase(UserFactory(of_age_on=timezone.localdate() + timedelta(days=1)))
    written = approved_review()
    MembershipFactory(user=written.author, profile=written.product.vendor)
    fine = delivered_purchase()

    assert eligibility(buyer_of(suspended), suspended.product_id)["code"] == "ACCOUNT_SUSPENDED"
    assert eligibility(buyer_of(young), young.product_id)["code"] == "AGE_RESTRICTED"
    hired = eligibility(written.author, written.product_id)
    assert (hired["code"], hired["existing_review"]) == ("CONFLICT_OF_INTEREST", written.pk)
    assert eligibility(buyer_of(fine), fine.product_id)["eligible"]


@pytest.mark.django_db
def test_suspended_and_under_age_users_do_not_write():
    item = delivered_purchase(UserFactory(suspended_at=timezone.now()))
    young = delivered_purchase(UserFactory(of_age_on=timezone.localdate() + timedelta(days=1)))

    with pytest.raises(AccountSuspended):
        submit(item)
    with pytest.raises(AgeRestricted):
        submit(young)


@pytest.mark.django_db
def test_submitting_again_edits_the_review_there_is_even_after_the_period():
    review = pending_review()
    item = review.order_item
    type(item).objects.filter(pk=item.pk).update(delivered_at=timezone.now() - timedelta(days=200))

    submission = submit(item, rating=1, comment="Broke after a week.")

    assert submission.is_update
    assert submission.review.pk == review.pk
    assert (submission.review.status, submission.review.rating, submission.review.edit_count) == ("pending", 1, 1)
    assert [revision.state for revision in review.revisions.all()] == ["superseded", "pending"]


@pytest.mark.django_db
def test_an_edit_of_an_approved_review_waits_while_the_approved_text_stays_public_and_counted():
    review = approved_review(rating=5, comment="Lovely.")

    edit_review(review.pk, author=review.author, changes={"rating": 1, "comment": "Not lovely."})

    review.refresh_from_db()
    assert (review.status, review.rating, review.comment, review.edit_count) == ("approved", 5, "Lovely.", 1)
    assert ProductRating.objects.get(product=review.product).stars_5 == 1

    approve_review(review.pk, actor=moderator())

    review.refresh_from_db()
    rating = ProductRating.objects.get(product=review.product)
    assert (review.rating, review.comment) == (1, "Not lovely.")
    assert (rating.stars_1, rating.stars_5, rating.count) == (1, 0, 1)


@pytest.mark.django_db
def test_a_rejected_edit_leaves_the_approved_review_as_it_was():
    review = approved_review(rating=5, comment="Lovely.")
    edit_review(review.pk, author=review.author, changes={"comment": "Buy at example.com"})

    reject_review(review.pk, actor=moderator(), reason="spam")

    review.refresh_from_db()
    assert (review.status, review.comment) == ("approved", "Lovely.")
    assert review.revisions.last().state == ReviewRevision.State.REJECTED


@pytest.mark.django_db
def test_an_absent_field_keeps_its_value_and_an_empty_one_is_cleared():
    review = pending_review(rating=4, title="Good", comment="Fine.")

    edited = edit_review(review.pk, author=review.author, changes={"title": None})

    assert (edited.rating, edited.title, edited.comment) == (4, "", "Fine.")


@pytest.mark.django_db
def test_submitting_again_keeps_what_is_not_said_again():
    review = pending_review(rating=4, title="Good", comment="Fine.")

    again = submit(review.order_item, rating=2, title="").review

    assert (again.rating, again.title, again.comment) == (2, "", "Fine.")


@pytest.mark.django_db
def test_an_item_delivered_on_an_unknown_day_counts_from_its_order():
    item = delivered_purchase(delivered_at=None, shipped_at=None)
    assert not submit(item).is_update

    long_ago = delivered_purchase(delivered_at=None, shipped_at=None)
    type(long_ago.order).objects.filter(pk=long_ago.order_id).update(placed_at=timezone.now() - timedelta(days=91))
    with pytest.raises(errors.ReviewPeriodExpired):
        submit(long_ago)


@pytest.mark.django_db
def test_the_same_content_again_is_no_edit():
    review = pending_review()
    entries = Entry.objects.count()

    edit_review(review.pk, author=review.author, changes={"rating": review.rating})

    assert (review.revisions.count(), Entry.objects.count()) == (1, entries)


@pytest.mark.django_db
def test_only_the_author_edits_and_a_hidden_review_does_not_show_that_it_exists():
    public, pending, other = approved_review(), pending_review(), UserFactory()

    with pytest.raises(PermissionDenied):
        edit_review(public.pk, author=other, changes={"rating": 1})
    with pytest.raises(errors.ReviewNotFound):
        edit_review(pending.pk, author=other, changes={"rating": 1})


@pytest.mark.django_db
def test_a_withdrawn_review_leaves_rating_and_queue_and_may_be_written_anew():
    review = approved_review()
    edit_review(review.pk, author=review.author, changes={"rating": 1})

    withdraw_review(review.pk, author=review.author)

    assert ProductRating.objects.get(product=review.product).count == 0
    assert not Review.objects.pending().exists()
    with pytest.raises(errors.ReviewDeleted):
        edit_review(review.pk, author=review.author, changes={"rating": 2})
    assert not submit(review.order_item).is_update


@pytest.mark.django_db
def test_control_and_direction_characters_are_removed_and_the_rest_is_kept():
    review = pending_review(title="A\u202eB", comment="Zeile eins\r\nzwei\x07 <b>caf\u0065\u0301</b>")

    assert (review.title, review.comment) == ("AB", "Zeile eins\nzwei <b>caf\u00e9</b>")


@pytest.mark.django_db(transaction=True)
def test_parallel_submissions_of_several_orders_make_one_review():
    author, product = UserFactory(), ProductFactory()
    items = [delivered_purchase(author, product) for _ in range(4)]

    results = at_once(*[partial(submit, item, comment=f"Text {number}") for number, item in enumerate(items)])

    assert sorted(result.is_update for result in results) == [False, True, True, True]
    review = Review.objects.get(author=author)
    assert review.revisions.count() == 4
    assert review.revisions.filter(state="pending").count() == 1
    assert (review.edit_count, review.status) == (3, "pending")


@pytest.mark.django_db(transaction=True)
def test_parallel_submissions_over_an_approved_review_publish_nothing_that_nobody_decided_on():
    review = approved_review(rating=5, comment="As it was approved.")
    item = review.order_item

    outcomes = at_once(*[partial(submit, item, rating=1, comment=f"Spam {number}") for number in range(6)])

    assert all(outcome.is_update for outcome in outcomes)
    review.refresh_from_db()
    assert (review.status, review.rating, review.comment) == ("approved", 5, "As it was approved.")
    assert review.revisions.filter(state=ReviewRevision.State.PENDING).count() == 1
    assert ProductRating.objects.get(product=review.product_id).stars_5 == 1
