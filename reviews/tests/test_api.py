import pytest

from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews.models import Review
from reviews.services import cast_vote, edit_review, hide_review, withdraw_review
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for, run_due_jobs


def code_of(response):
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


@pytest.mark.django_db
def test_the_whole_line_from_delivery_to_a_counted_vote():
    item, voter = delivered_purchase(), UserFactory()
    author, public = api_client_for(buyer_of(item)), api_client_for()
    rating_url = f"/api/v1/products/{item.product_id}/rating/"

    eligible = author.get("/api/v1/reviews/eligibility/", {"product": item.product_id}).json()
    assert eligible == {"eligible": True, "code": None, "order": str(item.order_id), "existing_review": None}

    body = {"product": item.product_id, "order": eligible["order"], "rating": 4, "title": "Good", "comment": "Fine."}
    created = author.post("/api/v1/reviews/", body)
    assert created.status_code == 201
    assert created.json() == {"id": created.json()["id"], "status": "pending", "is_update": False}
    review_url = f"/api/v1/reviews/{created.json()['id']}/"
    assert public.get(review_url).status_code == 404
    assert author.get(review_url).json()["status"] == "pending"
    assert public.get(rating_url).json()["count"] == 0

    run_due_jobs()
    approve_by_moderator = moderator()
    from reviews.services import approve_review

    approve_review(created.json()["id"], actor=approve_by_moderator, revision=1)
    rating = public.get(rating_url).json()
    assert (rating["average"], rating["count"], rating["distribution"]["4"]) == (4.0, 1, 1)
    assert rating["last_review_at"]

    vote = api_client_for(voter).put(f"{review_url}vote/", {"vote_type": "helpful"})
    assert vote.json() == {
        "vote_type": "helpful",
        "changed": True,
        "previous_vote": None,
        "helpful_votes": 1,
        "unhelpful_votes": 0,
    }
    assert public.get(review_url).json()["helpful_votes_approximate"] is True
    run_due_jobs()
    shown = public.get(f"/api/v1/products/{item.product_id}/reviews/").json()["results"][0]
    assert (shown["helpful_votes"], shown["helpful_votes_approximate"]) == (1, False)


@pytest.mark.django_db
def test_submitting_again_answers_200_and_says_so():
    review = pending_review()
    body = {"product": review.product_id, "order": review.order_item.order_id, "rating": 2}

    answer = api_client_for(review.author).post("/api/v1/reviews/", body)

    assert (answer.status_code, answer.json()["is_update"], answer.json()["status"]) == (200, True, "pending")


@pytest.mark.django_db
@pytest.mark.parametrize("rating", [0, 6, -1, 4.5, "five", None, True, [], {}, "1e1", 10**30])
def test_a_rating_that_is_none_is_invalid(rating):
    item = delivered_purchase()
    body = {"product": item.product_id, "order": item.order_id, "rating": rating}

    assert code_of(api_client_for(buyer_of(item)).post("/api/v1/reviews/", body)) == (400, "INVALID_RATING")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"product": "x"}, "product"),
        ({"order": None}, "order"),
        ({"title": "x" * 201}, "title"),
        ({"comment": "x" * 10_001}, "comment"),
        ({"comment": "a\x00b"}, "comment"),
        ({"title": {"a": 1}}, "title"),
    ],
)
def test_bad_fields_are_named(change, field):
    item = delivered_purchase()
    body = {"product": item.product_id, "order": item.order_id, "rating": 5} | change

    answer = api_client_for(buyer_of(item)).post("/api/v1/reviews/", body)

    assert code_of(answer) == (400, "INVALID_INPUT")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.django_db
def test_every_refusal_has_its_code():
    item = delivered_purchase()
    buyer, stranger = api_client_for(buyer_of(item)), api_client_for(UserFactory())
    undelivered = OrderItemFactory(order__buyer=buyer_of(item))
    body = {"product": item.product_id, "order": item.order_id, "rating": 5}
    review = approved_review()
    url = f"/api/v1/reviews/{review.pk}/"

    assert code_of(api_client_for().post("/api/v1/reviews/", body)) == (401, "AUTH_REQUIRED")
    assert code_of(stranger.post("/api/v1/reviews/", body)) == (403, "PURCHASE_NOT_VERIFIED")
    body = {"product": undelivered.product_id, "order": undelivered.order_id, "rating": 5}
    assert code_of(buyer.post("/api/v1/reviews/", body)) == (409, "ORDER_NOT_DELIVERED")
    assert code_of(stranger.patch(url, {"rating": 1})) == (403, "PERMISSION_DENIED")
    assert code_of(stranger.delete(url)) == (403, "PERMISSION_DENIED")
    assert code_of(stranger.get(f"{url}history/")) == (404, "REVIEW_NOT_FOUND")
    assert code_of(stranger.put(f"{url}vote/", {"vote_type": "love"})) == (400, "INVALID_VOTE_TYPE")
    assert code_of(stranger.put(f"{url}vote/", {})) == (400, "INVALID_INPUT")
    assert code_of(stranger.put(f"/api/v1/reviews/{item.pk}/vote/", {"vote_type": "helpful"})) == (
        404,
        "REVIEW_NOT_FOUND",
    )
    assert code_of(api_client_for(review.author).put(f"{url}vote/", {"vote_type": "helpful"})) == (
        403,
        "SELF_VOTE_PROHIBITED",
    )
    withdraw_review(review.pk, author=review.author)
    assert code_of(stranger.get(url)) == (410, "REVIEW_DELETED")
    assert code_of(stranger.put(f"{url}vote/", {"vote_type": "helpful"})) == (410, "REVIEW_DELETED")


@pytest.mark.django_db
def test_the_author_sees_the_waiting_edit_and_the_public_does_not():
    review = approved_review(rating=5, comment="Lovely.")
    client, url = api_client_for(review.author), f"/api/v1/reviews/{review.pk}/"

    edited = client.patch(url, {"rating": 1, "comment": ""}).json()

    assert (edited["rating"], edited["comment"], edited["is_edited"]) == (5, "Lovely.", True)
    assert (edited["pending_revision"]["rating"], edited["pending_revision"]["comment"]) == (1, "")
    assert "pending_revision" not in api_client_for().get(url).json()
    assert [each["number"] for each in client.get(f"{url}history/").json()] == [1, 2]
    assert client.get("/api/v1/me/reviews/").json()["results"][0]["id"] == str(review.pk)


@pytest.mark.django_db
def test_what_is_hidden_or_pending_stands_in_no_list():
    shown = approved_review()
    hidden = approved_review(delivered_purchase(product=shown.product))
    hide_review(hidden.pk, actor=moderator(), reason="privacy")
    pending_review(delivered_purchase(product=shown.product))

    page = api_client_for().get(f"/api/v1/products/{shown.product_id}/reviews/").json()

    assert [review["id"] for review in page["results"]] == [str(shown.pk)]
    assert api_client_for().get(f"/api/v1/reviews/{hidden.pk}/").status_code == 404
    assert api_client_for(hidden.author).get(f"/api/v1/reviews/{hidden.pk}/").status_code == 200
    assert api_client_for().get(f"/api/v1/products/{shown.product_id}/rating/").json()["count"] == 1


@pytest.mark.django_db
def test_reviews_are_ordered_and_filtered_as_asked():
    product = ProductFactory()
    reviews = [approved_review(delivered_purchase(product=product), rating=stars) for stars in (3, 1, 5)]
    cast_vote(reviews[1].pk, voter=UserFactory(), vote_type="helpful")
    run_due_jobs()
    url = f"/api/v1/products/{product.pk}/reviews/"

    def stars(**query):
        return [review["rating"] for review in api_client_for().get(url, query).json()["results"]]

    assert stars()[0] == 1
    assert stars(ordering="newest") == [5, 1, 3]
    assert stars(ordering="highest") == [5, 3, 1]
    assert stars(ordering="lowest") == [1, 3, 5]
    assert stars(rating=5) == [5]
    assert stars(verified="false") == []
    assert stars(search="NOTHING LIKE IT") == []
    assert code_of(api_client_for().get(url, {"ordering": "-rating"})) == (400, "INVALID_INPUT")
    assert code_of(api_client_for().get(url, {"rating": 9})) == (400, "INVALID_INPUT")


@pytest.mark.django_db
def test_products_are_ordered_by_score_and_filtered():
    best = approved_review(rating=5).product
    worst = approved_review(rating=1).product
    unrated = ProductFactory(title="A lamp", price_cents=1)
    gone = ProductFactory(is_active=False)
    client = api_client_for()

    def ids(**query):
        return [product["id"] for product in client.get("/api/v1/products/", query).json()["results"]]

    assert set(ids()) == {str(best.pk), str(worst.pk), str(unrated.pk)}
    assert ids(ordering="score")[0] == str(best.pk)
    assert ids(ordering="price")[0] == str(unrated.pk)
    assert ids(search="LAMP") == [str(unrated.pk)]
    assert ids(min_rating=4) == [str(best.pk)]
    assert ids(vendor=worst.vendor_id) == [str(worst.pk)]
    detail = client.get(f"/api/v1/products/{best.pk}/").json()
    assert (detail["rating"]["average"], detail["rating"]["count"]) == (5.0, 1)
    assert client.get(f"/api/v1/products/{gone.pk}/").json()["is_active"] is False


@pytest.mark.django_db
def test_lists_need_no_more_queries_for_more_rows():
    product = ProductFactory()
    url, client = f"/api/v1/products/{product.pk}/reviews/", api_client_for()

    def queries():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(url).status_code == 200
            assert client.get("/api/v1/products/").status_code == 200
        return len(captured)

    approved_review(delivered_purchase(product=product))
    few = queries()
    for _ in range(4):
        edit = approved_review(delivered_purchase(product=product))
        edit_review(edit.pk, author=edit.author, changes={"rating": 1})
        ProductFactory()

    assert queries() == few
    assert Review.objects.count() == 5


@pytest.mark.django_db
def test_times_are_utc_whatever_the_marketplaces_zone(settings):
    settings.TIME_ZONE = "America/Sao_Paulo"
    review = approved_review()
    client, url = api_client_for(review.author), f"/api/v1/reviews/{review.pk}/"

    shown = client.get(url).json()
    rating = client.get(f"/api/v1/products/{review.product_id}/rating/").json()
    order = client.get("/api/v1/orders/").json()["results"][0]

    for moment in (
        shown["created_at"],
        rating["last_review_at"],
        order["placed_at"],
        order["items"][0]["delivered_at"],
    ):
        assert moment.endswith("Z")
    assert shown["created_at"] == review.created_at.isoformat().replace("+00:00", "Z")


@pytest.mark.django_db
def test_everyone_sees_whether_a_purchase_was_refunded():
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(purchase_refunded_at=review.created_at)

    shown = api_client_for().get(f"/api/v1/reviews/{review.pk}/").json()

    assert (shown["purchase_refunded"], shown["is_hidden"], shown["is_edited"]) == (True, False, False)
