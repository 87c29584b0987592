"""A stored answer is replayed to those only who still may do what was asked."""

import pytest
from django.utils import timezone

from billing.models import UsageEvent
from orders.models import Product
from reports.tests.factories import moderator, reported
from reviews.models import ReviewVote
from reviews.tests.factories import approved_review
from trustengine.accounts.models import Membership, User
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db
PRODUCT = {"title": "Pan", "price_cents": 1_000, "currency": "EUR", "stock": 3}


def sent(user, path, body=None, method="post"):
    client = api_client_for(User.objects.get(pk=user.pk))
    return getattr(client, method)(f"/api/v1/{path}", body, format="json", headers={"Idempotency-Key": "once"})


def suspended(user):
    User.objects.filter(pk=user.pk).update(suspended_at=timezone.now())


def removed(user):
    Membership.objects.filter(user=user).delete()


def lowered(user):
    Membership.objects.filter(user=user, profile__kind="vendor").update(role="viewer")


def without_rights(user):
    user.groups.clear()
    user.user_permissions.clear()


def manager():
    user = UserFactory()
    Membership.objects.create(user=user, profile=VendorFactory(), role="owner")
    return user


def product(user):
    return "vendor/products/", PRODUCT


def vote(user):
    return f"reviews/{approved_review().pk}/vote/", {"vote_type": "helpful"}, "put"


def decision(user):
    case = reported().case
    return f"moderation/cases/{case.pk}/claim/", {}


def usage(user):
    event = {"source": "s", "event_id": "1", "meter": "api_calls", "quantity": 1}
    return "billing/usage-events/", {"profile": str(VendorFactory().pk), **event}


LOSSES = [
    (manager, product, suspended, (403, "ACCOUNT_SUSPENDED")),
    (manager, product, removed, (403, "PERMISSION_DENIED")),
    (manager, product, lowered, (403, "PERMISSION_DENIED")),
    (UserFactory, vote, suspended, (403, "ACCOUNT_SUSPENDED")),
    (moderator, decision, without_rights, (403, "PERMISSION_DENIED")),
    (moderator, decision, suspended, (403, "PERMISSION_DENIED")),
    (lambda: UserFactory(groups=["Services"]), usage, without_rights, (403, "PERMISSION_DENIED")),
]


@pytest.mark.parametrize(("who", "what", "loses", "refusal"), LOSSES)
def test_who_may_not_do_it_any_more_gets_no_replay(who, what, loses, refusal):
    user = who()
    request = what(user)
    assert sent(user, *request).status_code < 300
    assert sent(user, *request)["Idempotency-Replayed"] == "true"
    before = [rows.objects.count() for rows in (Product, ReviewVote, UsageEvent)]

    loses(user)

    answer = sent(user, *request)
    assert (answer.status_code, answer.json()["code"]) in {refusal, (404, "NOT_FOUND")}
    assert "Idempotency-Replayed" not in answer
    assert [rows.objects.count() for rows in (Product, ReviewVote, UsageEvent)] == before


def test_who_gained_rights_gets_the_same_answer_and_nothing_happens_twice():
    user = manager()
    first = sent(user, *product(user))
    Membership.objects.create(user=user, profile=VendorFactory(), role="viewer")

    again = sent(user, "vendor/products/", PRODUCT)

    assert (again["Idempotency-Replayed"], again.content) == ("true", first.content)
    assert Product.objects.count() == 1


def test_what_is_done_already_is_replayed_also_after_a_loss():
    user = UserFactory(groups=["Moderators"])
    report = reported(reporter=user)
    assert sent(user, f"reports/{report.pk}/", method="delete").status_code < 300
    without_rights(user)

    assert sent(user, f"reports/{report.pk}/", method="delete")["Idempotency-Replayed"] == "true"
