"""The contract's rules, each broken by one cell of an otherwise valid marketplace."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.core.management import call_command

from orders.models import Order, OrderItem, Product, VendorTerms
from reviews.models import ProductRating, Review, ReviewRevision, ReviewVote
from trustengine.accounts.models import Membership, Profile, User
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
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

UNKNOWN = numbered(99)


def test_a_whole_marketplace_is_loaded_with_everything_that_follows_from_it(marketplace: Marketplace):
    counts = marketplace.load()

    assert marketplace.exit_code == 0
    assert list(counts) == ["customers", "vendors", "products", "orders", "order_items", "reviews", "votes"]
    assert total(counts, "created") == total(counts, "read") == 8
    order = Order.objects.get(pk=ORDER)
    assert (order.status, order.delivered_at) == ("delivered", datetime(2017, 12, 1, 10, tzinfo=UTC))
    assert order.customer.user.subject == CUSTOMER
    assert ProductRating.objects.get(product=PRODUCT).stars_5 == 1
    review = Review.objects.get(pk=REVIEW)
    assert (review.helpful_votes, review.verification, review.comment) == (
        1,
        "delivered",
        'Lights up\nthe "whole" room',
    )
    assert Membership.objects.get(profile=VENDOR).user.subject == OWNER
    call_command("reconcile")


def test_a_second_run_changes_nothing_and_says_so(marketplace: Marketplace):
    marketplace.load()
    jobs, updated_at = Job.objects.count(), Review.objects.get(pk=REVIEW).updated_at

    counts = marketplace.load()

    assert total(counts, "unchanged") == total(counts, "read") == 8
    assert Job.objects.count() == jobs
    assert Review.objects.get(pk=REVIEW).updated_at == updated_at


def test_a_dry_run_counts_the_same_and_writes_nothing(marketplace: Marketplace):
    marketplace.files["products"].append({"product_id": "x"})

    counts = marketplace.load("--dry-run")

    assert total(counts, "created") == 8
    assert marketplace.exit_code == 3
    assert marketplace.reasons() == [("products.csv", "product_id", "INVALID_VALUE")]
    written = (User, Profile, Product, Order, OrderItem, Review, ReviewVote, Job, Entry)
    assert [model.objects.count() for model in written] == [0] * len(written)


@pytest.mark.parametrize(
    ("file", "column", "value", "reason"),
    [
        ("vendors", "vendor_id", "17", "INVALID_VALUE"),
        ("vendors", "business_name", " ", "INVALID_VALUE"),
        ("vendors", "business_name", "x" * 121, "INVALID_VALUE"),
        ("vendors", "user_id", "nobody", "INVALID_VALUE"),
        ("vendors", "fee_bps", "10001", "INVALID_VALUE"),
        ("products", "title", "x" * 201, "INVALID_VALUE"),
        ("products", "title", "nul\x00", "INVALID_VALUE"),
        ("products", "price_cents", "-1", "INVALID_VALUE"),
        ("products", "price_cents", "19.90", "INVALID_VALUE"),
        ("products", "price_cents", "9" * 30, "INVALID_VALUE"),
        ("products", "price_cents", "١٢", "INVALID_VALUE"),
        ("products", "currency", "EURO", "INVALID_VALUE"),
        ("products", "stock", "-5", "INVALID_VALUE"),
        ("products", "is_active", "perhaps", "INVALID_VALUE"),
        ("products", "vendor_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("customers", "email", "not an address", "INVALID_VALUE"),
        ("customers", "created_at", "yesterday", "INVALID_VALUE"),
        ("orders", "created_at", "", "INVALID_VALUE"),
        ("orders", "created_at", "2017-02-30", "INVALID_VALUE"),
        ("orders", "created_at", "0001-01-01", "INVALID_VALUE"),
        ("orders", "customer_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("order_items", "quantity", "0", "INVALID_VALUE"),
        ("order_items", "fulfilment_status", "teleported", "INVALID_VALUE"),
        ("order_items", "order_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("order_items", "product_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("reviews", "rating", "0", "INVALID_VALUE"),
        ("reviews", "rating", "6", "INVALID_VALUE"),
        ("reviews", "rating", "4.5", "INVALID_VALUE"),
        ("reviews", "title", "x" * 201, "INVALID_VALUE"),
        ("reviews", "comment", "x" * 10_001, "INVALID_VALUE"),
        ("reviews", "status", "published", "INVALID_VALUE"),
        ("reviews", "product_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("reviews", "customer_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("reviews", "customer_id", VOTER, ("order_id", "UNKNOWN_REFERENCE")),  # the order of somebody else
        ("votes", "vote_type", "funny", "INVALID_VALUE"),
        ("votes", "review_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("votes", "customer_id", UNKNOWN, "UNKNOWN_REFERENCE"),
        ("votes", "customer_id", CUSTOMER, "INVALID_VALUE"),  # the author
    ],
)
def test_a_bad_cell_rejects_its_row_with_the_reason(marketplace: Marketplace, file, column, value, reason):
    marketplace.files[file][0][column] = value

    marketplace.load()

    shown, code = reason if isinstance(reason, tuple) else (column, reason)
    assert marketplace.exit_code == 3
    assert marketplace.reasons()[0] == (f"{file}.csv", shown, code)


def test_what_refers_to_a_rejected_row_is_rejected_too(marketplace: Marketplace):
    marketplace.files["products"][0]["price_cents"] = "free"

    marketplace.load()

    assert marketplace.reasons() == [
        ("products.csv", "price_cents", "INVALID_VALUE"),
        ("order_items.csv", "product_id", "UNKNOWN_REFERENCE"),
        ("reviews.csv", "product_id", "UNKNOWN_REFERENCE"),
        ("votes.csv", "review_id", "UNKNOWN_REFERENCE"),
    ]


@pytest.mark.parametrize("spelling", ["{}", "urn:uuid:{}", "{{{}}}", "  {} "])
@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.replace("-", "")])
def test_an_id_may_be_spelt_in_any_usual_way(marketplace: Marketplace, spelling, change):
    marketplace.files["customers"][0]["customer_id"] = spelling.format(change(CUSTOMER))

    marketplace.load()

    assert marketplace.exit_code == 0
    assert User.objects.filter(subject=CUSTOMER).exists()


def test_an_id_taken_by_an_accepted_row_is_refused_to_another_and_granted_to_the_same(marketplace: Marketplace):
    first = marketplace.files["products"][0]
    rejected = {**first, "price_cents": "free"}
    respelt = {**first, "product_id": PRODUCT.upper(), "price_cents": "01990"}
    marketplace.files["products"] = [rejected, first, {**first, "title": "Other"}, respelt]

    counts = marketplace.load("--batch-size", "2")["products"]

    assert counts == {"read": 4, "created": 1, "updated": 0, "unchanged": 1, "kept": 0, "rejected": 2}
    assert [(reject["line"], reject["reason"]) for reject in marketplace.rejects()] == [
        ("2", "INVALID_VALUE"),
        ("4", "DUPLICATE_ID"),
    ]


@pytest.mark.parametrize("batch_size", ["1", "1000"])
def test_a_second_live_review_of_a_product_by_a_customer_is_a_duplicate(marketplace: Marketplace, batch_size):
    again = {**marketplace.files["reviews"][0], "review_id": numbered(8, 2)}
    marketplace.files["reviews"].append(again)

    for _ in range(2):  # the second run comes to the same end
        counts = marketplace.load("--batch-size", batch_size)["reviews"]
        assert counts["rejected"] == 1
        assert [reject["reason"] for reject in marketplace.rejects()] == ["DUPLICATE_REVIEW"]


def test_a_members_vote_on_the_vendors_own_product_is_refused(marketplace: Marketplace):
    marketplace.files["customers"].append({"customer_id": OWNER})
    marketplace.files["votes"][0]["customer_id"] = OWNER

    marketplace.load()

    assert marketplace.reasons() == [("votes.csv", "customer_id", "INVALID_VALUE")]


def test_a_review_of_what_never_arrived_is_taken_as_ordered(marketplace: Marketplace):
    marketplace.files["order_items"][0] |= {"fulfilment_status": "shipped", "delivered_at": ""}

    marketplace.load()

    review = Review.objects.get(pk=REVIEW)
    assert (review.verification, review.status) == ("ordered", "approved")
    assert ProductRating.objects.get(product=PRODUCT).count == 1


def test_a_review_of_what_was_refunded_is_public_and_not_counted(marketplace: Marketplace):
    marketplace.files["order_items"][0]["refunded_at"] = "2018-01-01"

    marketplace.load()

    assert Review.objects.public().filter(pk=REVIEW).exists()
    assert ProductRating.objects.get(product=PRODUCT).count == 0
    assert Order.objects.get(pk=ORDER).status == "refunded"


def test_a_refund_in_a_later_import_of_items_alone_takes_the_review_out_of_the_rating(marketplace: Marketplace):
    marketplace.load()
    for name in ("reviews", "votes"):
        (marketplace.directory / f"{name}.csv").unlink()
        del marketplace.files[name]
    marketplace.files["order_items"][0]["refunded_at"] = "2018-01-01"

    counts = marketplace.load()

    assert counts["order_items"]["updated"] == 1
    assert ProductRating.objects.get(product=PRODUCT).count == 0
    call_command("reconcile")


@pytest.mark.parametrize("status", ["", "pending", None])
def test_a_review_without_a_decision_is_screened_like_any_other(marketplace: Marketplace, status):
    marketplace.files["reviews"][0]["status"] = status
    if status is None:
        del marketplace.files["reviews"][0]["status"]

    marketplace.load()

    assert Review.objects.get(pk=REVIEW).status == "pending"
    assert Job.objects.filter(kind="reviews.screen_review", key=REVIEW).count() == 1
    assert ReviewRevision.objects.get(review=REVIEW).state == "pending"


def test_a_time_without_a_zone_is_the_marketplaces_and_so_is_the_day(marketplace: Marketplace, settings):
    settings.MARKETPLACE_TIME_ZONE = "America/Sao_Paulo"
    marketplace.files["orders"] = [
        {"order_id": numbered(6, number), "customer_id": CUSTOMER, "created_at": created}
        for number, created in enumerate(
            ["2017-11-24 23:30:00", "2017-11-25T01:30:00Z", "2017-11-25T02:30:00+01:00", "2017-10-15T00:30:00"], 1
        )
    ]

    marketplace.load()

    loaded = list(Order.objects.order_by("pk").values_list("placed_at", "day"))
    assert [moment.isoformat()[:16] for moment, _ in loaded] == [
        "2017-11-25T01:30",
        "2017-11-25T01:30",
        "2017-11-25T01:30",
        "2017-10-15T03:30",  # the clocks skipped this half hour
    ]
    assert [str(day) for _, day in loaded] == ["2017-11-24"] * 3 + ["2017-10-15"]


def test_what_the_file_leaves_out_has_the_marketplaces_defaults(marketplace: Marketplace, settings):
    settings.MARKETPLACE_CURRENCY = "BRL"

    marketplace.load()

    product = Product.objects.get(pk=PRODUCT)
    assert (product.currency, product.stock, product.is_active) == ("BRL", None, True)
    assert Order.objects.get(pk=ORDER).currency == "BRL"
    assert VendorTerms.objects.get(profile=VENDOR).fee_bps is None


def test_each_file_leaves_one_audit_entry_with_its_counts(marketplace: Marketplace):
    marketplace.load()

    entries = Entry.objects.filter(verb="import.file_loaded")
    assert sorted(entries.values_list("object_id", flat=True)) == sorted(marketplace.files)
    assert entries.get(object_id="customers").after["created"] == 2


def test_the_customer_is_the_user_whose_token_says_so(marketplace: Marketplace):
    known = User.objects.create(subject=CUSTOMER)

    marketplace.load()

    assert Profile.objects.get(orders=ORDER).user == known
    assert Membership.objects.get(user=known).role == "owner"
    assert OrderItem.objects.get(pk=ITEM).vendor_id == UUID(VENDOR)
