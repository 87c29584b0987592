"""A second import: what it may change, what it keeps, and what it completes."""

from functools import partial
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from orders.models import Order, OrderItem, Product
from orders.services import transition_item
from reviews.importers import Reviews
from reviews.models import ProductRating, Review, ReviewRevision, ReviewVote, ReviewVoteShard
from reviews.services import cast_vote, edit_review, hide_review, withdraw_review
from reviews.tests.factories import moderator
from trustengine.accounts.models import Membership, Profile, User
from trustengine.operations.importing import state_digest
from trustengine.operations.tests.marketplace import (
    CUSTOMER,
    ITEM,
    ORDER,
    OWNER,
    PRODUCT,
    REVIEW,
    VENDOR,
    VOTER,
    Marketplace,
    marketplace,
    numbered,
    total,
)

__all__ = ["marketplace"]

pytestmark = pytest.mark.django_db


def test_texts_that_were_stored_in_another_form_are_normalised_by_their_file(marketplace: Marketplace):
    """As 0.1.0 stored them: as they came."""
    raw = "\u202ecafe\u0301\r\nbom"
    marketplace.files["reviews"][0]["comment"] = raw
    marketplace.load()
    state = {**Reviews().stored([(UUID(REVIEW),)])[(UUID(REVIEW),)].state, "comment": raw}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reviews_review SET comment = %s, import_digest = %s", [raw, state_digest(state)])

    for updated in (1, 0):
        counts = marketplace.load()["reviews"]
        assert (counts["updated"], counts["kept"]) == (updated, 0)

    assert Review.objects.get(pk=REVIEW).comment == ReviewRevision.objects.get(review=REVIEW).comment == "café\nbom"


@pytest.mark.parametrize(
    ("file", "column", "value", "stored"),
    [
        ("vendors", "business_name", "Ana & Co", lambda: Profile.objects.get(pk=VENDOR).display_name),
        ("vendors", "fee_bps", "900", lambda: str(Profile.objects.get(pk=VENDOR).terms.fee_bps)),
        ("vendors", "user_id", ORDER, lambda: Membership.objects.get(profile=VENDOR).user.subject),
        ("products", "title", "Torch", lambda: Product.objects.get(pk=PRODUCT).title),
        ("products", "stock", "7", lambda: str(Product.objects.get(pk=PRODUCT).stock)),
        ("customers", "email", "a@example.org", lambda: User.objects.get(subject=CUSTOMER).email),
        ("orders", "created_at", "2017-11-26", lambda: str(Order.objects.get(pk=ORDER).day)),
        ("order_items", "fulfilment_status", "returned", lambda: OrderItem.objects.get(pk=ITEM).fulfilment_status),
        ("reviews", "comment", "Went dark", lambda: ReviewRevision.objects.get(review=REVIEW).comment),
        ("reviews", "status", "rejected", lambda: ReviewRevision.objects.get(review=REVIEW).state),
    ],
)
def test_a_row_that_nobody_has_changed_follows_the_file(marketplace: Marketplace, file, column, value, stored):
    marketplace.load()
    marketplace.files[file][0][column] = value

    for updated in (1, 0):
        counts = marketplace.load()
        assert (marketplace.exit_code, total(counts, "kept"), total(counts, "updated")) == (0, 0, updated)

    assert stored() == value
    call_command("reconcile")


def test_a_changed_rating_moves_from_star_to_star(marketplace: Marketplace):
    marketplace.load()
    marketplace.files["reviews"][0]["rating"] = 2

    marketplace.load()

    rating = ProductRating.objects.get(product=PRODUCT)
    assert (rating.stars_2, rating.stars_5) == (1, 0)


def test_a_changed_vote_moves_from_helpful_to_unhelpful(marketplace: Marketplace):
    marketplace.load()
    marketplace.files["votes"][0]["vote_type"] = "unhelpful"

    assert marketplace.load()["votes"]["updated"] == 1

    review = Review.objects.get(pk=REVIEW)
    assert (review.helpful_votes, review.unhelpful_votes) == (0, 1)
    assert ReviewVoteShard.objects.get().unhelpful == 1


def _as(subject: str) -> User:
    return User.objects.get(subject=subject)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("reviews", lambda: hide_review(REVIEW, actor=moderator(), reason="spam")),
        ("reviews", lambda: withdraw_review(REVIEW, author=_as(CUSTOMER))),
        ("reviews", lambda: edit_review(REVIEW, author=_as(CUSTOMER), changes={"comment": "Mine"})),
        ("reviews", lambda: Review.objects.filter(pk=REVIEW).update(restricted_at=timezone.now())),
        ("votes", lambda: cast_vote(REVIEW, voter=_as(VOTER), vote_type="unhelpful")),
        ("order_items", lambda: transition_item(ITEM, to="returned", actor=_as(OWNER))),
        ("products", lambda: Product.objects.filter(pk=PRODUCT).update(stock=3)),
        ("vendors", lambda: Membership.objects.create(profile_id=VENDOR, user=_as(VOTER), role="owner")),
        ("customers", lambda: User.objects.filter(subject=CUSTOMER).update(email="own@example.org")),
    ],
)
def test_a_row_that_somebody_has_changed_is_kept(marketplace: Marketplace, file, change):
    marketplace.load()
    change()
    before = list(_rows(file))

    counts = marketplace.load()[file]

    assert (counts["kept"], counts["updated"]) == (1, 0)
    assert list(_rows(file)) == before
    marketplace.files[file][0] |= {"title": "New", "business_name": "New", "quantity": 2, "email": "new@example.org"}
    assert marketplace.load()[file]["kept"] == 1


def _rows(file: str):
    models = {"reviews": Review, "votes": ReviewVote, "order_items": OrderItem, "products": Product}
    models |= {"vendors": Membership, "customers": User}
    return models[file].objects.order_by("pk").values()


def test_a_row_that_no_import_wrote_is_kept(marketplace: Marketplace):
    Profile.objects.create(pk=VENDOR, kind="vendor", display_name="Ours")

    assert marketplace.load()["vendors"]["kept"] == 1
    assert Profile.objects.get(pk=VENDOR).display_name == "Ours"


def test_a_column_that_a_later_file_does_not_have_leaves_what_is_there(marketplace: Marketplace):
    marketplace.files["products"][0]["stock"] = 12
    marketplace.load()
    del marketplace.files["products"][0]["stock"]
    marketplace.files["products"][0]["title"] = "Torch"

    assert marketplace.load()["products"]["updated"] == 1

    product = Product.objects.get(pk=PRODUCT)
    assert (product.stock, product.title) == (12, "Torch")


def test_an_item_stays_with_the_vendor_who_sold_it(marketplace: Marketplace):
    marketplace.load()
    marketplace.files["vendors"].append({"vendor_id": numbered(1, 2), "business_name": "Bia's"})
    marketplace.files["products"][0]["vendor_id"] = numbered(1, 2)

    counts = marketplace.load()

    assert (counts["products"]["updated"], counts["order_items"]["unchanged"]) == (1, 1)
    assert str(OrderItem.objects.get(pk=ITEM).vendor_id) == VENDOR


def test_an_import_that_was_cut_off_is_completed_by_the_next(marketplace: Marketplace, monkeypatch):
    for number in range(2, 6):
        order, customer = numbered(6, number), numbered(4, number)
        marketplace.files["customers"].append({"customer_id": customer})
        marketplace.files["orders"].append(
            marketplace.files["orders"][0] | {"order_id": order, "customer_id": customer}
        )
        item = {"order_item_id": numbered(7, number), "order_id": order}
        marketplace.files["order_items"].append(marketplace.files["order_items"][0] | item)
        review = {"review_id": numbered(8, number), "customer_id": customer, "order_id": order}
        marketplace.files["reviews"].append(marketplace.files["reviews"][0] | review)
    batches = []
    settle = Reviews.settle

    def settle_twice_then_break(self, planned):
        settle(self, planned)
        batches.append(planned)
        if len(batches) == 3:
            raise ConnectionAbortedError

    monkeypatch.setattr(Reviews, "settle", settle_twice_then_break)
    with pytest.raises(ConnectionAbortedError):
        marketplace.load("--batch-size", "2")
    monkeypatch.undo()
    assert Review.objects.count() == 4
    call_command("reconcile", "ratings", "order-status", "votes")

    counts = marketplace.load("--batch-size", "2")

    assert counts["reviews"] == {"read": 5, "created": 1, "updated": 0, "unchanged": 4, "kept": 0, "rejected": 0}
    assert ProductRating.objects.get(product=PRODUCT).stars_5 == 5
    assert total(marketplace.load(), "unchanged") == sum(map(len, marketplace.files.values()))


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_load_every_row_once(marketplace: Marketplace):
    from trustengine.testing import at_once

    marketplace.load("--dry-run")  # writes the files
    outcomes = at_once(*[partial(marketplace.run, "--batch-size", "1")] * 2)

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert sum(total(counts, "created") for counts in outcomes) == 8
    assert Review.objects.get(pk=REVIEW).helpful_votes == 1
    call_command("reconcile")


def test_a_review_that_its_author_has_withdrawn_and_written_anew_is_kept(marketplace: Marketplace):
    marketplace.load()
    review = Review.objects.get(pk=REVIEW)
    withdraw_review(review.pk, author=review.author)
    Review.objects.create(
        product=review.product,
        author=review.author,
        order_item=review.order_item,
        rating=1,
        verification=Review.Verification.DELIVERED,
    )

    counts = marketplace.load()

    assert marketplace.exit_code == 0
    assert counts["reviews"]["kept"] == 1
