"""What an author said before is not laundered by withdrawing it, and history tells who decided what."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.tests.factories import OrderItemFactory
from reviews import errors
from reviews.models import ReviewRevision
from reviews.reputation import standing_of
from reviews.screening import screen
from reviews.services import approve_review, edit_review, reject_review, submit_review, withdraw_review
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

LONG = "The lid closes tightly and the handle stays cool, even after an hour on the hob."
OTHER = "Nothing of this kind was ever true, as everybody who bought one can tell you."


def rewrite(review, **content):
    withdraw_review(review.pk, author=review.author)
    return pending_review(review.order_item, **content)


def signals(review):
    found = screen(review.pk)
    return [signal["name"] for signal in found.signals]


@pytest.fixture
def trusting(settings):
    """Everybody is trusted: only what is found holds a text back."""
    settings.AUTO_APPROVE_MIN_REPUTATION = settings.AUTO_APPROVE_MIN_CONSECUTIVE = 0


def test_another_text_in_place_of_a_withdrawn_approved_one_waits_as_an_edit_would(trusting):
    edited, rewritten = approved_review(comment=LONG), approved_review(comment=LONG)

    edit_review(edited.pk, author=edited.author, changes={"comment": OTHER})
    anew = rewrite(rewritten, comment=OTHER)

    assert "large_edit" in signals(edited)
    assert "large_edit" in signals(anew)
    anew.refresh_from_db()
    assert anew.status == "pending"


def test_a_rejected_text_is_recognised_in_a_new_review_and_in_an_edit(trusting):
    first, second = pending_review(title="Buy", comment=LONG), pending_review(comment=LONG)
    for review in (first, second):
        reject_review(review.pk, actor=moderator(), reason="spam")

    anew = rewrite(first, title="BUY ", comment=LONG.upper().replace(" ", "  "))
    edit_review(second.pk, author=second.author, changes={"comment": OTHER})
    assert "rejected_before" not in signals(second)
    edit_review(second.pk, author=second.author, changes={"comment": LONG})

    assert "rejected_before" in signals(anew)
    assert "rejected_before" in signals(second)
    assert {review.revisions.last().state for review in (anew, second)} == {"pending"}


def test_stars_alone_are_no_rejected_text(trusting):
    review = pending_review(title="", comment="")
    reject_review(review.pk, actor=moderator(), reason="other")

    assert "rejected_before" not in signals(rewrite(review, title="", comment=""))


def test_withdrawn_reviews_still_count_for_and_against_their_author():
    review = pending_review()
    reject_review(review.pk, actor=moderator(), reason="spam")
    before = standing_of(review.author_id)

    rewrite(review)

    assert standing_of(review.author_id) == before
    assert before.rejected == 1


def test_withdrawing_takes_what_waits_out_of_the_queue_by_the_authors_own_hand():
    review = pending_review()
    withdraw_review(review.pk, author=review.author)

    assert review.revisions.get().state == ReviewRevision.State.SUPERSEDED
    assert review.revisions.get().decided_by is None


# History


def test_the_author_reads_when_and_by_what_kind_each_text_was_decided_but_not_by_whom():
    review, actor = approved_review(comment="One"), moderator()
    edit_review(review.pk, author=review.author, changes={"comment": "Two"})
    edit_review(review.pk, author=review.author, changes={"comment": "Three"})
    approve_review(review.pk, actor=actor)
    edit_review(review.pk, author=review.author, changes={"comment": "Four"})
    url = f"/api/v1/reviews/{review.pk}/history/"

    own = api_client_for(review.author).get(url).json()

    assert [(each["number"], each["comment"], each["state"], each["decided_by"]) for each in own] == [
        (1, "One", "approved", "rule"),
        (2, "Two", "superseded", "author"),
        (3, "Three", "approved", "moderator"),
        (4, "Four", "pending", None),
    ]
    assert {each["moderator"] for each in own} == {None}
    assert all(each["decided_at"] for each in own[:3])
    theirs = api_client_for(moderator()).get(url).json()
    assert [each["moderator"] for each in theirs] == [None, None, str(actor.pk), None]


def test_moderators_read_what_was_withdrawn_before_and_others_do_not():
    first = approved_review(comment="Before")
    anew = rewrite(first, comment="After")
    url = f"/api/v1/reviews/{anew.pk}/history/"

    def texts(reader, place=url):
        return [(each["review"], each["comment"]) for each in api_client_for(reader).get(place).json()]

    assert texts(moderator()) == [(str(first.pk), "Before"), (str(anew.pk), "After")]
    assert texts(anew.author) == [(str(anew.pk), "After")]
    gone = f"/api/v1/reviews/{first.pk}/history/"
    assert texts(moderator(), gone) == [(str(first.pk), "Before")]
    assert api_client_for(first.author).get(gone).status_code == 410


# Who may write, and what is believed


def test_an_unknown_a_foreign_and_another_products_order_take_the_same_steps():
    item, other = delivered_purchase(), delivered_purchase()
    client = api_client_for(buyer_of(item))
    client.get("/api/v1/me/")
    asked = []
    for product, order in [
        (item.product_id, other.order_id),
        (other.product_id, item.order_id),
        (other.product_id, other.order_id),
        (item.product_id, item.pk),
        (item.pk, item.pk),
    ]:
        with CaptureQueriesContext(connection) as captured:
            answer = client.post("/api/v1/reviews/", {"product": product, "order": order, "rating": 5})
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        shapes = [query["sql"].split("WHERE")[0] for query in captured if "SAVEPOINT" not in query["sql"]]
        asked.append((answer.status_code, body, shapes))

    assert all(each == asked[0] for each in asked)
    assert asked[0][0] == 403


def test_the_snapshot_keeps_the_purchase_as_it_was():
    item = delivered_purchase(quantity=3, unit_price_cents=1_234)
    review = pending_review(item)
    type(item).objects.filter(pk=item.pk).update(unit_price_cents=1, fulfilment_status="returned")
    review.refresh_from_db()

    kept = review.purchase

    assert (kept["quantity"], kept["unit_price_cents"], kept["currency"]) == (3, 1_234, "EUR")
    assert (kept["order_status"], kept["fulfilment_status"]) == (item.order.status, "delivered")
    assert (kept["vendor"], kept["order_item"]) == (str(item.vendor_id), str(item.pk))
    assert kept["ordered_at"] == item.order.placed_at.isoformat()
    assert kept["delivered_at"] == item.delivered_at.isoformat()


def test_of_several_items_of_a_product_the_kept_one_that_arrived_last_decides():
    refunded = delivered_purchase(refunded_at=timezone.now())
    late = OrderItemFactory(
        order=refunded.order,
        product=refunded.product,
        fulfilment_status="delivered",
        delivered_at=timezone.now() - timedelta(days=200),
    )
    author = buyer_of(refunded)

    def submit():
        return submit_review(author=author, product_id=late.product_id, order_id=late.order_id, rating=5)

    with pytest.raises(errors.ReviewPeriodExpired):
        submit()
    kept = OrderItemFactory(order=late.order, product=late.product, delivered=True)
    assert submit().review.order_item == kept


def test_whoever_has_joined_the_vendor_since_no_longer_edits():
    review = approved_review()
    Membership.objects.create(user=review.author, profile=review.product.vendor, role="viewer")
    body = {"product": review.product_id, "order": review.order_item.order_id, "rating": 5, "comment": "Better"}
    client = api_client_for(review.author)

    for answer in (client.post("/api/v1/reviews/", body), client.patch(f"/api/v1/reviews/{review.pk}/", body)):
        assert (answer.status_code, answer.json()["code"]) == (403, "CONFLICT_OF_INTEREST")


def test_a_title_that_grows_when_it_is_normalised_is_too_long_and_no_error():
    item = delivered_purchase()
    growing = "\U0001d160" * 100  # each becomes three characters in NFC
    body = {"product": item.product_id, "order": item.order_id, "rating": 5, "title": growing}

    answer = api_client_for(buyer_of(item)).post("/api/v1/reviews/", body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "title")


def test_markup_is_stored_as_given_and_never_served_as_markup(client):
    from trustengine.accounts.tests.factories import StaffFactory

    hostile = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    review = approved_review(title=hostile, comment=hostile)

    answer = api_client_for().get(f"/api/v1/reviews/{review.pk}/")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["comment"] == hostile
    client.force_login(StaffFactory(groups=["Moderators"]))
    page = client.get(f"/admin/reviews/review/{review.pk}/change/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
