"""Products that moderators have hidden or removed: who still reads, sells, buys, reviews and gets them back."""

from uuid import uuid4

import pytest
from django.urls import get_resolver

from orders.models import Checkout, Order, Product
from orders.payments.events import ProviderEvent
from orders.services.payments import take_event
from orders.tests.checkout_factories import cart, checked_out, stock_of
from orders.tests.factories import ProductFactory
from reports.models import Action, Case, Decision, StatementOfReasons
from reports.services.appeals import appeal, rule
from reports.services.deciding import undo
from reports.services.proposals import approve_proposal
from reports.services.reporting import submit_report
from reports.tests.factories import decided, moderator, senior
from reviews.services import approve_review
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, pending_review
from reviews.tests.pictures import add
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
WORDS = "Zwitscherlampe"


def product_case(product, reason="illegal"):
    return submit_report(reporter=UserFactory(), content_type="product", content_id=product.pk, reason=reason).case


def taken_down(product, action):
    """The standing decision that hid or removed a product; a removal on legal grounds takes two."""
    made = decided(product_case(product), action, "illegal")
    return made if isinstance(made, Decision) else approve_proposal(made.pk, approver=senior())


def taken_back(decision):
    """A decision undone within its time, by two people where two took it."""
    made = undo(decision.pk, moderator=senior())
    if not isinstance(made, Decision):
        approve_proposal(made.pk, approver=senior())


def a_product(**fields):
    return ProductFactory(title=WORDS, description=f"{WORDS} that glows.", **fields)


def public_addresses(product, review):
    """Every public address that can name a product or a review of it, found in the urls themselves."""
    known = {"product": product.pk, "products": product.pk, "review": review.pk, "reviews": review.pk}
    for pattern in walk(get_resolver()):
        for name, pk in known.items():
            marker = f"{name}/<uuid:pk>/"
            if marker in pattern and "<" not in pattern.replace("<uuid:pk>", ""):
                yield "/" + pattern.replace("<uuid:pk>", str(pk))


def walk(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern, route)
        else:
            yield route


@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_no_public_address_shows_a_moderated_product(action):
    product = a_product(stock=4)
    review = approved_review(delivered_purchase(product=product), title=WORDS)
    addresses = sorted(set(public_addresses(product, review)))
    assert f"/api/v1/products/{product.pk}/" in addresses
    assert f"/products/{product.pk}/" in addresses
    assert f"/api/v1/reviews/{review.pk}/" in addresses
    reader = api_client_for()
    open_before = [address for address in addresses if reader.get(address).status_code == 200]
    assert len(open_before) >= 5

    taken_down(product, action)
    run_due_jobs()

    expected = (410, "CONTENT_REMOVED") if action == Action.REMOVE else (404, None)
    for someone in (reader, api_client_for(UserFactory())):
        for address in open_before:
            answer = someone.get(address)
            assert answer.status_code == expected[0], address
            assert WORDS.encode() not in answer.content, address
            if action == Action.REMOVE and address.startswith("/api/"):
                assert (answer.json()["code"], answer.json()["ground"]) == ("CONTENT_REMOVED", "illegal")
                assert answer.json()["removed"]["ground"] == "illegal"
        for query in ("", f"?search={WORDS}", "?ordering=trending", "?ordering=score", f"?vendor={product.vendor_id}"):
            assert someone.get(f"/api/v1/products/{query}").json()["results"] == [], query


@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_photos_of_reviews_of_a_moderated_product_are_gone_too(action, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    picture = add(pending_review())
    approve_review(picture.review_id, actor=moderator())
    assert api_client_for().get(f"/api/v1/photos/{picture.pk}/").status_code == 200
    taken_down(picture.review.product, action)

    assert api_client_for().get(f"/api/v1/photos/{picture.pk}/").json()["code"] == "NOT_FOUND"
    assert api_client_for().get(f"/api/v1/photos/{picture.pk}/thumbnail/").status_code == 404


@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_authors_and_moderators_still_read_their_reviews(action):
    item = delivered_purchase()
    review = approved_review(item)
    taken_down(review.product, action)

    author = api_client_for(buyer_of(item))
    assert author.get(f"/api/v1/reviews/{review.pk}/").status_code == 200
    assert author.get("/api/v1/me/reviews/").json()["results"][0]["id"] == str(review.pk)
    assert api_client_for(moderator()).get(f"/api/v1/reviews/{review.pk}/").status_code == 200


@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_a_moderated_product_is_neither_bought_reviewed_voted_on_nor_replied_to(action):
    product = a_product(stock=4)
    bought = delivered_purchase(product=product)
    review = approved_review(delivered_purchase(product=product))
    full_cart = cart(product)
    taken_down(product, action)

    buyer = api_client_for(full_cart)
    assert buyer.put(f"/api/v1/cart/items/{product.pk}/", {"quantity": 1}).json()["code"] == "PRODUCT_INACTIVE"
    assert buyer.post("/api/v1/checkout/").json()["code"] == "PRODUCT_INACTIVE"
    line = buyer.get("/api/v1/cart/").json()["items"][0]
    assert (line["title"], line["is_active"]) == ("", False)

    author = api_client_for(buyer_of(bought))
    written = author.post(
        "/api/v1/reviews/", {"product": str(product.pk), "order": str(bought.order_id), "rating": 5}, format="json"
    )
    assert (written.status_code, written.json()["code"]) == (409, "PRODUCT_INACTIVE")
    eligible = author.get(f"/api/v1/reviews/eligibility/?product={product.pk}").json()
    assert (eligible["eligible"], eligible["code"]) == (False, "PRODUCT_INACTIVE")

    refusal = (410, "CONTENT_REMOVED") if action == Action.REMOVE else (404, "REVIEW_NOT_FOUND")
    voter = api_client_for(UserFactory())
    for vote in (
        voter.put(f"/api/v1/reviews/{review.pk}/vote/", {"vote_type": "helpful"}, format="json"),
        voter.delete(f"/api/v1/reviews/{review.pk}/vote/"),
    ):
        assert (vote.status_code, vote.json()["code"]) == refusal
    seller = api_client_for(MembershipFactory(profile=product.vendor, role="owner").user)
    reply = seller.put(f"/api/v1/reviews/{review.pk}/reply/", {"text": "Thanks"}, format="json")
    assert (reply.status_code, reply.json()["code"]) == refusal
    report = {"content_type": "product", "content_id": str(product.pk), "reason": "spam"}
    assert voter.post("/api/v1/reports/", report, format="json").status_code == 404


def test_buyers_may_still_review_what_its_vendor_only_withdrew():
    bought = delivered_purchase(product=ProductFactory(is_active=False))
    answer = api_client_for(buyer_of(bought)).post(
        "/api/v1/reviews/",
        {"product": str(bought.product_id), "order": str(bought.order_id), "rating": 5},
        format="json",
    )
    assert answer.status_code == 201


def paid_event(checkout):
    payload = {"data": {"object": {"id": checkout.payment_intent_id, "amount_received": checkout.amount_cents}}}
    return ProviderEvent(
        id=f"evt_{uuid4().hex}",
        type="payment_intent.succeeded",
        made_at=checkout.created_at,
        intent_id=checkout.payment_intent_id,
        payload=payload,
    )


@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_a_takedown_ends_open_checkouts_and_frees_their_stock(action):
    product, other = a_product(stock=4), ProductFactory(stock=4)
    checkout = checked_out(product, other, quantity=2).checkout
    kept = checked_out(other).checkout

    taken_down(product, action)
    run_due_jobs()

    checkout.refresh_from_db()
    kept.refresh_from_db()
    assert (checkout.state, kept.state) == ("expired", "open")
    assert (stock_of(product), stock_of(other)) == ((4, 0), (4, 1))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_a_payment_that_crosses_a_takedown_is_refunded_and_makes_no_order(action, late):
    product = a_product(stock=4)
    checkout = checked_out(product).checkout
    taken_down(product, action)
    if late:
        run_due_jobs()  # the checkout is closed by now

    take_event(paid_event(checkout))
    run_due_jobs()

    checkout.refresh_from_db()
    assert checkout.state == Checkout.State.REFUND_DUE
    assert not Order.objects.filter(checkout=checkout).exists()
    assert stock_of(product) == (4, 0)


def test_its_members_are_told_why_and_one_of_them_may_appeal(settings):
    settings.UNDO_SECONDS = 0
    product = a_product()
    owner, viewer = (MembershipFactory(profile=product.vendor, role=role).user for role in ("owner", "viewer"))
    made = taken_down(product, Action.HIDE)
    run_due_jobs()

    told = StatementOfReasons.objects.filter(decision=made, role="author")
    assert set(told.values_list("recipient", flat=True)) == {owner.pk, viewer.pk}
    one = api_client_for(owner).get("/api/v1/me/decisions/").json()["results"][0]
    assert (one["action"], one["content_type"], one["content_id"]) == ("hide", "product", str(product.pk))
    assert one["appealable_until"]
    url = f"/api/v1/decisions/{made.pk}/appeal/"
    assert api_client_for(UserFactory()).post(url, {"text": "x"}, format="json").status_code == 404
    assert api_client_for(owner).post(url, {"text": "It is lawful."}, format="json").status_code == 201
    again = api_client_for(viewer).post(url, {"text": "Indeed."}, format="json")
    assert again.json()["code"] == "ALREADY_APPEALED"  # the vendor has one appeal


@pytest.mark.parametrize("was_active", [True, False])
@pytest.mark.parametrize("action", [Action.HIDE, Action.REMOVE])
def test_an_undo_and_an_appeal_give_back_exactly_what_there_was(action, was_active):
    product = a_product(is_active=was_active)
    owner = MembershipFactory(profile=product.vendor, role="owner").user
    untouched = Product.objects.values().get(pk=product.pk)

    taken_back(taken_down(product, action))
    assert changed(untouched) == {"report_count", "updated_at"}

    run_due_jobs()
    case = Case.objects.open().get(content_id=product.pk)
    made = decided(case, action, "spam")
    api_client_for(owner).patch(f"/api/v1/vendor/products/{product.pk}/", {"stock": 3}, format="json")
    rule(appeal(made.pk, appellant=owner, text="No.").pk, moderator=senior(), ruling="overturn", text="")
    assert changed(untouched) == {"report_count", "updated_at", "stock"}


def changed(before):
    now = Product.objects.values().get(pk=before["id"])
    return {name for name in now if now[name] != before[name]}


def test_a_takedown_survives_an_edit_and_so_does_its_undoing():
    product = a_product()
    owner = MembershipFactory(profile=product.vendor, role="owner").user
    made = taken_down(product, Action.REMOVE)
    seller = api_client_for(owner)

    answer = seller.patch(f"/api/v1/vendor/products/{product.pk}/", {"title": "A lamp"}, format="json").json()
    assert answer["moderation"] == {
        "state": "removed",
        "reason": "illegal",
        "ground": "illegal",
        "since": answer["moderation"]["since"],
    }
    assert Product.objects.get(pk=product.pk).is_moderated

    taken_back(made)
    product.refresh_from_db()
    assert (product.is_moderated, product.title) == (False, "A lamp")
    assert seller.get("/api/v1/vendor/products/").json()["results"][0]["moderation"] is None
