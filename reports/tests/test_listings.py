"""Listings that their vendors change: what moderators are shown of it, and what not."""

from itertools import pairwise

import pytest
from django.core.management import call_command

from orders.models import FormerListing, Product
from orders.tests.factories import ProductFactory
from reports.listings import likeness
from reports.models import Case
from reports.services.deciding import undo
from reports.services.reporting import submit_report
from reports.tests.factories import decided, moderator
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
TITLE = "Garden hose, 20 m"
TEXT = "A hose of three layers that stays soft in the cold, with a brass coupling on either end."
OTHER = "Wireless earphones with forty hours of battery and noise cancelling."


def reviewed_product(**fields):
    product = ProductFactory(**{"title": TITLE, "description": TEXT} | fields)
    approved_review(delivered_purchase(product=product))
    return product


def patched(product, **changes):
    """The open case of a product once its vendor has changed it; None without one."""
    owner = MembershipFactory(profile=product.vendor, role="owner").user
    answer = api_client_for(owner).patch(f"/api/v1/vendor/products/{product.pk}/", changes, format="json")
    assert answer.status_code == 200
    return open_case(product)


def open_case(product):
    run_due_jobs()
    return Case.objects.open().filter(content_type="product", content_id=product.pk).first()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": "Diamond ring"}, "its title was rewritten"),
        ({"description": OTHER}, "its description was rewritten"),
        ({"description": ""}, "its description was rewritten"),
        ({"currency": "USD"}, "its currency was changed"),
    ],
)
def test_a_product_rewritten_under_its_reviews_opens_a_case(changes, words):
    case = patched(reviewed_product(), **changes)

    assert case.queue == "pending"
    assert words in str(case.parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "GARDEN HOSE 20 m"},
        {"title": "Hose, garden, 20 m"},
        {"description": TEXT.replace("three", "four")},
        {"price_cents": 1},
        {"stock": 3, "is_active": False},
    ],
)
def test_a_change_of_wording_price_or_stock_opens_none(changes):
    assert patched(reviewed_product(), **changes) is None


def test_a_product_without_reviews_may_become_another():
    assert patched(ProductFactory(title=TITLE, description=TEXT), title="Ring", description=OTHER) is None


def test_a_first_description_is_no_rewriting():
    assert patched(reviewed_product(description=""), description=OTHER) is None


def test_what_was_rewritten_before_the_first_review_is_what_it_is_about():
    product = ProductFactory(title=TITLE)
    assert patched(product, title="Diamond ring") is None
    approved_review(delivered_purchase(product=product))

    assert patched(product, title="Diamond ring, gold") is None
    assert patched(product, title=TITLE) is not None


def test_many_small_steps_are_no_way_round():
    product = reviewed_product(title="Garden hose")
    steps = ("Garden mouse", "Green mouse pad", "Green mouse pad, wireless")
    assert all(likeness(before, after) >= 60 for before, after in pairwise(("Garden hose", *steps)))
    cases = [patched(product, title=title) for title in steps]

    assert cases[0] is None
    assert cases[-1] is not None


def test_a_step_there_and_back_still_has_somebody_look():
    product = reviewed_product()
    patched(product, title="Diamond ring")

    assert patched(product, title=TITLE) is not None


def test_the_bound_is_a_setting(settings):
    settings.LISTING_LIKENESS = 0
    assert patched(reviewed_product(), title="Diamond ring") is None
    settings.LISTING_LIKENESS = 100
    assert patched(reviewed_product(), title="Garden hose, 21 m") is not None


def test_a_decision_holds_for_the_version_that_was_seen_and_its_undo_brings_the_case_back():
    product = reviewed_product()
    by = moderator()
    made = decided(patched(product, title="Diamond ring"), "dismiss", "no_violation", by)
    assert open_case(product) is None
    assert patched(product, title="Diamond ring, gold") is None
    assert patched(product, stock=3) is None

    undo(made.pk, moderator=by)

    assert open_case(product) is not None


def test_another_rewriting_after_a_decision_opens_another_case():
    product = reviewed_product()
    decided(patched(product, title="Diamond ring"), "dismiss", "no_violation")

    assert patched(product, title="Lawn mower") is not None


@pytest.mark.parametrize("action", ["hide", "remove"])
@pytest.mark.parametrize(
    "changes", [{"title": "Garden hose, 21 m"}, {"description": "."}, {"currency": "USD"}, {"is_active": True}]
)
def test_rewriting_or_relisting_a_moderated_product_opens_a_case(action, changes):
    product = ProductFactory(title=TITLE, is_active=False)
    decided(case_of(product), action, "spam")
    assert open_case(product) is None
    assert patched(product, price_cents=5) is None

    case = patched(product, **changes)

    assert "a moderated listing was" in str(case.parts)
    decided(case, "dismiss", "no_violation")
    assert open_case(product) is None
    assert Product.objects.get(pk=product.pk).is_moderated


def case_of(product):
    return submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason="spam").case


def test_an_import_that_rewrites_or_offers_a_moderated_product_again_opens_a_case(tmp_path):
    product = imported(tmp_path, ProductFactory().vendor_id, TITLE, "true")
    decided(case_of(product), "hide", "spam")
    imported(tmp_path, product.vendor_id, TITLE, "false")
    assert open_case(product) is None

    imported(tmp_path, product.vendor_id, TITLE, "true")

    assert open_case(product) is not None
    assert Product.objects.get(pk=product.pk).is_hidden


def imported(tmp_path, vendor, title, is_active, product="00000000-0000-7000-8000-000000000001"):
    row = f'{product},{vendor},"{title}",500,{is_active}'
    (tmp_path / "products.csv").write_text(f"product_id,vendor_id,title,price_cents,is_active\n{row}\n")
    call_command("import_marketplace", str(tmp_path))
    return Product.objects.get(pk=product)


@pytest.mark.parametrize("by_import", [False, True])
def test_posting_a_moderated_product_again_opens_a_case(by_import, tmp_path):
    product = ProductFactory(title=TITLE, description="")
    sibling = ProductFactory(vendor=product.vendor, title=f"{TITLE}, green")
    decided(case_of(product), "remove", "spam")

    if by_import:
        again = imported(tmp_path, product.vendor_id, f"{TITLE}!", "true")
    else:
        owner = api_client_for(MembershipFactory(profile=product.vendor, role="owner").user)
        body = {"title": f"{TITLE}!", "price_cents": 5}
        again = Product(pk=owner.post("/api/v1/vendor/products/", body, format="json").json()["id"])

    assert "posted" not in str(open_case(again))
    assert "what a moderated listing of the same vendor says" in str(open_case(again).parts)
    assert patched(sibling, stock=3) is None  # it was there before the takedown


def test_others_may_sell_what_one_vendor_may_not():
    decided(case_of(ProductFactory(title=TITLE)), "remove", "spam")

    assert patched(ProductFactory(title="x"), title=TITLE) is None


def test_former_texts_are_kept_whatever_changes_them():
    product = ProductFactory(title=TITLE)
    Product.objects.filter(pk=product.pk).update(title="Ring")
    Product.objects.filter(pk=product.pk).update(stock=1)
    Product.objects.filter(pk=product.pk).update(title="Ring")

    product.refresh_from_db()
    assert product.listing_version == 2
    assert list(FormerListing.objects.values_list("number", "title")) == [(1, TITLE)]


def test_likeness_is_of_letters_whatever_case_spacing_and_order():
    assert likeness("Moka pot", "  MOKA\npot ") == 100
    assert likeness("pot, moka", "moka pot,") == 100
    assert likeness("Garden hose", "Diamond ring") < 50
