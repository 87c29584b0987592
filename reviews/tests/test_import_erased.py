"""A marketplace's files do not bring back what somebody had erased."""

import pytest

from orders.models import Order
from reviews.models import ProductRating, Review, ReviewVote
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.models import Membership, User
from trustengine.operations.tests.marketplace import (
    CUSTOMER,
    ORDER,
    OWNER,
    PRODUCT,
    REVIEW,
    VENDOR,
    VOTER,
    Marketplace,
    marketplace,
)
from trustengine.testing import run_due_jobs

__all__ = ["marketplace"]

pytestmark = pytest.mark.django_db


def erase(*subjects: str) -> None:
    for user in User.objects.filter(subject__in=subjects):
        request_erasure(user, actor=None)
    run_due_jobs()


def test_an_erased_customer_is_kept_and_what_refers_to_them_is_unknown(marketplace: Marketplace):
    marketplace.files["customers"][0]["email"] = "ada@example.org"
    marketplace.load()
    erase(CUSTOMER, VOTER)
    users = User.objects.count()

    counts = marketplace.load()

    assert marketplace.exit_code == 3
    assert counts["customers"]["kept"] == 2
    assert marketplace.reasons() == [
        ("orders.csv", "customer_id", "UNKNOWN_REFERENCE"),
        ("reviews.csv", "customer_id", "UNKNOWN_REFERENCE"),
        ("votes.csv", "customer_id", "UNKNOWN_REFERENCE"),
    ]
    assert User.objects.count() == users
    assert not User.objects.filter(email="ada@example.org").exists()
    review = Review.objects.get(pk=REVIEW)
    assert (review.title, review.comment, review.deleted_at is None) == ("", "", False)
    assert ProductRating.objects.get(product=PRODUCT).count == 0
    assert not ReviewVote.objects.exists()
    assert Order.objects.get(pk=ORDER).customer.user.subject.startswith("erased:")


def test_nothing_of_theirs_is_imported_anew_either(marketplace: Marketplace):
    customers = {"customers": marketplace.files["customers"]}
    everything, marketplace.files = marketplace.files, customers
    marketplace.load()
    erase(CUSTOMER)

    marketplace.files = everything
    marketplace.load()

    assert not Order.objects.exists()
    assert not Review.objects.exists()


def test_an_erased_owner_is_not_made_again(marketplace: Marketplace):
    marketplace.files["products"][0]["is_active"] = "false"
    marketplace.load()
    erase(OWNER)

    marketplace.load()

    assert ("vendors.csv", "user_id", "UNKNOWN_REFERENCE") in marketplace.reasons()
    assert not Membership.objects.filter(profile=VENDOR).exists()
    assert not User.objects.filter(subject=OWNER).exists()
