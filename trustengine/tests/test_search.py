"""Search by words on every list: bounded, answered by an index, and never an error."""

import pytest
from django.contrib import admin
from django.db import connection

from orders.models import Product
from orders.tests.factories import ProductFactory
from reviews.models import Review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.api.tests.test_limited_reads import api_views
from trustengine.search import MOST_WORDS, containing_words, first_words
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products/"


def titles(search):
    answer = api_client_for().get(PRODUCTS, {"search": search})
    assert answer.status_code == 200, answer.json()
    return {product["title"] for product in answer.json()["results"]}


def test_words_are_found_in_any_case_place_and_order():
    ProductFactory(title="Oak CHAIR, four legs", description="For the kitchen")
    ProductFactory(title="Élan “lamp”—brass", description="E-mail us: info@shop.example 3.5 kg")

    assert titles("chair oak") == {"Oak CHAIR, four legs"}
    assert titles("kitch CHAI") == {"Oak CHAIR, four legs"}, "by the beginnings of words"
    assert titles("élan") == titles("LAMP") == titles("brass") == titles("mail") == titles("shop.example")
    assert titles("3.5") == titles("3.5 kg") == titles("info@shop.example") != set()
    assert titles("chair lamp") == set()
    assert titles("k") == set(), "a letter alone is a word and not a beginning"


@pytest.mark.parametrize(
    "text",
    [
        "!!!",
        "'",
        "''",
        "\\",
        "a & b | !c",
        "(",
        ":*",
        "%_",
        "<->",
        "“”",
        "'); DROP",
        "foo_bar",
        "नमस्ते",
        "日本語",
        "e\u0301",
    ],
)
def test_any_text_may_be_searched_for(text):
    ProductFactory(title="Chair")
    assert titles(text) == set()
    assert not containing_words(Review.objects.all(), text, "title", "comment").exists()


def test_each_list_with_a_search_takes_a_bounded_number_of_words():
    """Walks all addresses of the API; a list that gets ``search=`` later is held to the same."""
    found = []
    for view in api_views():
        filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        if "search" not in filters:
            continue
        found.append(view.__name__)
        form = view.filterset_class(data={"search": " ".join(["word"] * (MOST_WORDS + 1))}).form
        assert form.errors["search"].as_data()[0].code == "too_many_words", view
        assert not view.filterset_class(data={"search": " ".join(["word"] * MOST_WORDS)}).form.errors
    assert len(found) >= 3


@pytest.mark.parametrize("search", ["a " * 9, "a-b-c-d-e-f-g-h-i", "w" * 201])
def test_too_much_is_refused_with_the_field(search):
    answer = api_client_for().get(PRODUCTS, {"search": search})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == "search"


def test_pages_look_for_the_first_words(client):
    product = ProductFactory()
    page = client.get(f"/products/{product.pk}/", {"search": "word " * 40}, REMOTE_ADDR="127.0.0.1")

    assert page.status_code == 200
    assert len(first_words("word " * 40).split()) == MOST_WORDS


def test_each_list_of_the_console_looks_for_a_bounded_number_of_words(rf):
    request = rf.get("/")
    request.user = UserFactory(is_superuser=True, is_staff=True)
    for model, page in admin.site._registry.items():
        if page.search_fields:
            rows, _ = page.get_search_results(request, model._default_manager.all(), "word " * 60)
            compared = str(rows.query).count(" LIKE ")
            assert compared <= MOST_WORDS * len(page.search_fields), page


def plan(rows):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")  # of the orderings, which win while tables are small
        return rows.explain()


@pytest.mark.parametrize(
    ("rows", "columns", "index"),
    [
        (Product.objects.all(), ("title", "description"), "product_words"),
        (Review.objects.all(), ("title", "comment"), "review_words"),
    ],
)
def test_searches_are_answered_by_indexes_of_words(rows, columns, index):
    found = containing_words(rows, "chair oak", *columns)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # which wins while tables are small, as do other indexes
        cursor.execute("SET LOCAL enable_indexscan = off")

    assert index in found.explain()


def test_a_rare_word_among_many_products_is_found_by_its_index():
    vendor = ProductFactory().vendor
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_product (id, vendor_id, title, description, price_cents, currency, reserved,
                   is_active, is_hidden, removal_reason, removal_ground, listing_version, report_count,
                   created_at, updated_at)
               SELECT gen_random_uuid(), %s, 'thing ' || n, 'plain ' || mod(n, 50), 100, 'EUR', 0,
                   true, false, '', '', 1, 0, now(), now()
               FROM generate_series(1, 5000) AS n""",
            [vendor.pk],
        )
        cursor.execute("ANALYZE orders_product")
    rows = containing_words(Product.objects.active(), "thing 4711", "title", "description").order_by("-created_at")

    assert "product_words" in rows[:20].explain()
    assert rows.count() == 1
