"""``report_count``: moderators read it in the API, and nobody else; the console shows it, sorts and filters by it."""

import pytest

from orders.models import Product
from reviews.models import Review, VendorReply
from reviews.services import approve_reply
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_reply
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    """A public review with a public reply; four reports of it, three of the reply, two of its product."""
    made = approved_review(delivered_purchase())
    approve_reply(pending_reply(made).pk, actor=moderator())
    Review.objects.filter(pk=made.pk).update(report_count=4)
    VendorReply.objects.filter(review=made).update(report_count=3)
    Product.objects.filter(pk=made.product_id).update(report_count=2)
    return made


def addresses(review):
    """Where a content is read, and how its members are found in the answer."""
    product = review.product_id
    return {
        "/api/v1/products/": lambda answer: [answer["results"][0]],
        f"/api/v1/products/{product}/": lambda answer: [answer],
        f"/api/v1/products/{product}/reviews/": lambda answer: [answer["results"][0], answer["results"][0]["reply"]],
        f"/api/v1/reviews/{review.pk}/": lambda answer: [answer, answer["reply"]],
    }


def counts(client, review):
    return [
        [each.get("report_count") for each in find(client.get(address).json())]
        for address, find in addresses(review).items()
    ]


def test_moderators_read_it_and_nobody_else(review):
    member = Membership.objects.filter(profile=review.product.vendor).first()
    others = [None, UserFactory(), review.author, StaffFactory(), *([member.user] if member else [])]

    assert counts(api_client_for(moderator()), review) == [[2], [2], [4, 3], [4, 3]]
    for other in others:
        assert counts(api_client_for(other), review) == [[None], [None], [None, None], [None, None]]
    reply = f"/api/v1/reviews/{review.pk}/reply/"
    assert api_client_for(moderator()).get(reply).json()["report_count"] == 3


def test_a_moderator_does_not_read_it_of_their_own_review(review):
    author = moderator()
    Review.objects.filter(pk=review.pk).update(author=author)

    assert counts(api_client_for(author), review)[3][0] is None
    assert "report_count" not in api_client_for(author).get("/api/v1/me/reviews/").json()["results"][0]


def test_caches_keep_both_answers_apart(review):
    public, reader = api_client_for(), api_client_for(moderator())
    for address in addresses(review):
        answers = [client.get(address) for client in (public, reader)]
        if "reviews/" + str(review.pk) in address:
            continue
        assert all("Authorization" in answer["Vary"] for answer in answers), address
        assert answers[0]["Cache-Control"].startswith("public")
        assert answers[1]["Cache-Control"].startswith("private")
        assert answers[0]["ETag"] != answers[1]["ETag"]
        assert public.get(address, HTTP_IF_NONE_MATCH=answers[1]["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("address", "model"),
    [
        ("/admin/reviews/review/", Review),
        ("/admin/reviews/vendorreply/", VendorReply),
        ("/admin/orders/product/", Product),
    ],
)
def test_the_consoles_lists_show_it_sort_and_filter_by_it_from_an_index(client, review, address, model):
    other = approved_review(delivered_purchase())
    approve_reply(pending_reply(other).pk, actor=moderator())
    client.force_login(StaffFactory(is_superuser=True))

    page = client.get(address)
    columns = [str(column) for column in page.context["cl"].list_display]
    assert "Reports" in page.content.decode()
    order = columns.index("reports")
    rows = [client.get(address, {"o": f"{sign}{order}"}).context["cl"].result_list for sign in ("-", "")]
    assert [row.report_count > 0 for row in rows[0]] == [True, False]
    assert [row.report_count > 0 for row in rows[1]] == [False, True]
    found = [len(client.get(address, {"reports": least}).context["cl"].result_list) for least in ("1", "10", "0")]
    assert found == [1, 0, 1]
    assert any(index.fields == ["report_count", "id"] for index in model._meta.indexes)
