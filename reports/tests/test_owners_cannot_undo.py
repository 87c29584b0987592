"""No decision of a moderator is undone by whom it is against: every kind of content, every action, every verb.

A new kind or a new action fails here until somebody says how its owner might try.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from orders.models import Product
from reports.contents import KINDS
from reports.models import Action, Decision
from reports.services.proposals import approve_proposal
from reports.services.reporting import submit_report
from reports.tests.factories import decided, senior
from reviews.models import Review, ReviewPhoto, VendorReply
from reviews.services import approve_review
from reviews.services.reply_moderation import approve_reply
from reviews.tests.factories import approved_review, delivered_purchase, pending_reply, pending_review
from reviews.tests.pictures import picture, upload
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
WORDS = "Quietschgelbe Wahrheit ueber den Kocher, in aller Ruhe aufgeschrieben."
# What takes nothing out of view leaves an owner nothing to undo; warnings and suspensions are about a person.
HARMLESS = {Action.APPROVE, Action.RESTORE, Action.DISMISS, Action.WARN, Action.SUSPEND}


@dataclass
class Owned:
    """A content, its owner's client, and where the public reads it."""

    kind: str
    pk: Any
    owner: Any
    readers: list[str]
    verbs: dict[str, Callable[[], Any]]


def trusted_author():
    """Somebody whose texts are approved by rule where nothing is found."""
    author = UserFactory(date_joined=timezone.now() - timedelta(days=400))
    for _ in range(8):
        approved_review(delivered_purchase(author))
    return author


def a_review(tmp_path):
    item = delivered_purchase(trusted_author())
    review = approved_review(item, comment=WORDS)
    client, url = api_client_for(review.author), f"/api/v1/reviews/{review.pk}/"
    body = {"product": str(item.product_id), "order": str(item.order_id), "rating": 4, "comment": WORDS}

    def anew():
        client.delete(url)
        return client.post("/api/v1/reviews/", body, format="json")

    verbs = {
        "PATCH of the same": lambda: client.patch(url, {"comment": WORDS}, format="json"),
        "PATCH": lambda: client.patch(url, {"rating": 3, "comment": f"{WORDS} Ja."}, format="json"),
        "PATCH of the state": lambda: client.patch(
            url, {"is_hidden": False, "status": "approved", "removed_at": None, "restricted_at": None}, format="json"
        ),
        "POST again": lambda: client.post("/api/v1/reviews/", {**body, "comment": f"{WORDS} Ja."}, format="json"),
        "DELETE and POST": anew,
        "a photo": lambda: client.post(f"{url}photos/", {"photo": upload(picture())}, format="multipart"),
    }
    return Owned("review", review.pk, client, [url, f"/api/v1/products/{item.product_id}/reviews/"], verbs)


def a_reply(tmp_path):
    review = approved_review()
    for _ in range(5):  # a vendor whose replies are approved by rule
        earlier = approved_review(delivered_purchase(product=review.product))
        member = MembershipFactory(profile=review.product.vendor, role="manager").user
        api_client_for(member).put(f"/api/v1/reviews/{earlier.pk}/reply/", {"text": "Danke."}, format="json")
        approve_reply(VendorReply.objects.get(review=earlier).pk, actor=None)
    reply = approve_reply(pending_reply(review, WORDS).pk, actor=None)
    client = api_client_for(reply.revisions.get().author)
    url = f"/api/v1/reviews/{review.pk}/reply/"

    def anew():
        client.delete(url)
        return client.put(url, {"text": WORDS}, format="json")

    verbs = {
        "PUT of the same": lambda: client.put(url, {"text": WORDS}, format="json"),
        "PUT": lambda: client.put(url, {"text": f"{WORDS} Ja."}, format="json"),
        "PUT of the state": lambda: client.put(url, {"text": f"{WORDS} Ja.", "is_hidden": False}, format="json"),
        "DELETE and PUT": anew,
    }
    readers = [f"/api/v1/reviews/{review.pk}/", f"/api/v1/products/{review.product_id}/reviews/"]
    return Owned("reply", reply.pk, client, readers, verbs)


def a_product(tmp_path):
    """One that an import has made, so that a later import may change it."""
    vendor, key = VendorFactory(), uuid4()

    def imported(title=WORDS):
        (tmp_path / "import").mkdir(exist_ok=True)
        with (tmp_path / "import" / "products.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["product_id", "vendor_id", "title", "price_cents", "is_active"])
            writer.writerow([key, vendor.pk, title, 1990, "true"])
        call_command("import_marketplace", str(tmp_path / "import"))

    imported()
    product = approved_review(delivered_purchase(product=Product.objects.get(pk=key))).product
    client = api_client_for(MembershipFactory(profile=vendor, role="owner").user)
    url = f"/api/v1/vendor/products/{product.pk}/"

    def off_and_on():
        client.patch(url, {"is_active": False}, format="json")
        return client.patch(url, {"is_active": True}, format="json")

    verbs = {
        "import": imported,
        "import of other words": lambda: imported(f"{WORDS} Neu"),
        "PATCH is_active": lambda: client.patch(url, {"is_active": True}, format="json"),
        "off and on": off_and_on,
        "PATCH of the state": lambda: client.patch(
            url, {"is_hidden": False, "removed_at": None, "moderation": None, "is_active": True}, format="json"
        ),
        "PATCH": lambda: client.patch(url, {"title": f"{WORDS} Neu", "stock": 5}, format="json"),
        "DELETE": lambda: client.delete(url),
    }
    readers = [f"/api/v1/products/{product.pk}/", "/api/v1/products/", f"/products/{product.pk}/"]
    return Owned("product", product.pk, client, readers, verbs)


MAKERS = {"review": a_review, "reply": a_reply, "product": a_product}
DECISIONS = [
    (name, action)
    for name, kind in KINDS.items()
    for action in Action
    if action in kind.actions and action not in HARMLESS
]


def test_every_kind_and_every_action_is_walked():
    assert set(MAKERS) == set(KINDS)
    assert {action for kind in KINDS.values() for action in kind.actions} <= set(Action)
    assert {action for _, action in DECISIONS} == set(Action) - HARMLESS - {Action.UNDO, Action.OVERTURN}


@pytest.mark.parametrize(("name", "action"), DECISIONS)
def test_no_verb_of_its_owner_shows_again_what_was_taken_out_of_view(name, action, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    owned = MAKERS[name](tmp_path)
    if action == Action.REJECT:
        reject_an_edit_of(owned)
    else:
        assert is_read(owned, WORDS)
        made = decided(case_of(owned), action, "illegal")
        if not isinstance(made, Decision):
            approve_proposal(made.pk, approver=senior())
    marked = "Abgelehntes" if action == Action.REJECT else WORDS
    assert not is_read(owned, marked)

    for verb, call in owned.verbs.items():
        answer = call()
        assert answer is None or answer.status_code < 500, verb
        run_due_jobs()
        assert not is_read(owned, marked), verb


def reject_an_edit_of(owned):
    """An edit that a person rejects; trying again with the same words publishes nothing."""
    words = "Abgelehntes und nochmals Abgelehntes."
    if owned.kind == "review":
        owned.owner.patch(f"/api/v1/reviews/{owned.pk}/", {"comment": words}, format="json")
    else:
        url = f"/api/v1/reviews/{VendorReply.objects.get(pk=owned.pk).review_id}/reply/"
        owned.owner.put(url, {"text": words}, format="json")
    decided(case_of(owned), "reject", "spam")


def case_of(owned):
    return submit_report(reporter=UserFactory(), content_type=owned.kind, content_id=owned.pk, reason="illegal").case


def is_read(owned, words):
    return any(words in api_client_for().get(address).content.decode() for address in owned.readers)


def test_a_rejected_photo_is_not_shown_by_being_sent_again(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    review = pending_review(delivered_purchase(trusted_author()))
    client, url = api_client_for(review.author), f"/api/v1/reviews/{review.pk}/photos/"
    approve_review(review.pk, actor=None)
    client.post(url, {"photo": upload(picture())}, format="multipart")
    run_due_jobs()
    rejected = ReviewPhoto.objects.get()
    decided(case_of(Owned("review", review.pk, client, [], {})), "reject", "spam")
    rejected.refresh_from_db()
    assert rejected.state == "rejected"

    client.post(url, {"photo": upload(picture())}, format="multipart")
    client.delete(f"{url}{rejected.pk}/")
    client.post(url, {"photo": upload(picture())}, format="multipart")
    run_due_jobs()

    assert ReviewPhoto.objects.get().state == "pending"
    assert Review.objects.get(pk=review.pk).is_public
    assert api_client_for().get(f"/api/v1/photos/{ReviewPhoto.objects.get().pk}/").status_code == 404
