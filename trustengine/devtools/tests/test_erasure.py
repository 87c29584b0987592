"""Erasure across all apps: what is left of a person is counts, records of commerce, and an id that means nobody."""

import pytest
from django.db import connection
from django.db.models import F

from orders.models import CartItem, Order, OrderItem, Product
from reviews import files
from reviews.models import (
    ProductRating,
    Review,
    ReviewFingerprint,
    ReviewRevision,
    ReviewVote,
    ReviewVoteShard,
)
from trustengine.accounts.erasing import advance, request_erasure, steps
from trustengine.accounts.models import Erasure, Membership, User, UserSession
from trustengine.accounts.tests.factories import UserFactory
from trustengine.devtools.tests import somebody as planted
from trustengine.jobs.models import Job
from trustengine.operations.reconciling import Findings, Scope, compare
from trustengine.operations.registry import reconcilers
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def somebody():
    return planted.somebody()


def traces() -> dict[str, set[str]]:
    """Which tables of the whole database hold which of the planted texts, in text, JSON, arrays or bytes."""
    found: dict[str, set[str]] = {}
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT lower(row_.*::text) FROM "{table}" AS row_')
            text = "\n".join(row for (row,) in cursor.fetchall())
        for trace in planted.TRACES:
            spellings = [trace.lower(), trace.lower().encode().hex(), trace.encode().hex()]
            if any(spelling in text for spelling in spellings):
                found.setdefault(table, set()).add(trace)
    return found


def drift() -> dict[str, list]:
    found = {}
    for name, target in reconcilers().items():
        findings = Findings()
        list(compare(target(), scope=Scope(), fix=False, batch_size=500, findings=findings))
        if findings.drifted:
            found[name] = findings.examples
    return found


def test_nothing_that_names_somebody_is_left_in_any_table(somebody, client):
    client.force_login(somebody)
    before = traces()
    assert {trace for found in before.values() for trace in found} == set(planted.TRACES)  # the scan finds them
    assert len(before) >= 18
    stored = planted.files_about(somebody)
    assert len(stored) == 7
    assert all(files.read(name) is not None for name in stored)
    assert api_client_for(somebody).delete("/api/v1/me/").status_code == 202

    run_due_jobs()

    assert traces() == {}
    assert [name for name in stored if files.read(name) is not None] == []
    assert not ReviewRevision.objects.filter(review__author=somebody).exclude(ip_hash="", agent_hash="").exists()
    assert not ReviewFingerprint.objects.filter(review__author=somebody).exists()
    assert Erasure.objects.get().state == "done"
    assert not UserSession.objects.exists()
    left = User.objects.get(pk=somebody.pk)
    assert (left.username, left.email, left.of_age_on, left.last_login) == (None, "", None, None)
    assert not any([left.is_active, left.is_staff, left.groups.exists()])
    assert not Membership.objects.filter(user=somebody).exists()


def test_their_stars_leave_the_rating_and_those_of_others_stay(somebody):
    others = planted.stars_of_others()
    request_erasure(somebody, actor=None)

    run_due_jobs()

    mine = Review.objects.filter(author=somebody)
    assert mine.count() == 2
    assert all(review.deleted_at and not review.is_public and review.rating == 4 for review in mine)
    assert not ReviewRevision.objects.filter(review__author=somebody, state="pending").exists()
    total = F("stars_1") + F("stars_2") + F("stars_3") + F("stars_4") + F("stars_5")
    counted = dict(ProductRating.objects.annotate(total=total).values_list("product", "total"))
    assert {product: counted.get(product, 0) for product in others} == others
    assert not drift()


def test_their_votes_are_taken_back_and_those_of_others_stay(somebody):
    voted = list(ReviewVote.objects.filter(user_id=somebody.pk).values_list("review_id", flat=True))
    assert len(voted) == 3
    request_erasure(somebody, actor=None)

    run_due_jobs()

    assert not ReviewVote.objects.filter(user_id=somebody.pk).exists()
    for review in Review.objects.filter(pk__in=voted):
        assert (review.helpful_votes, review.unhelpful_votes) == (1, 0)
        shards = ReviewVoteShard.objects.filter(review_id=review.pk)
        assert sum(shard.helpful + shard.unhelpful for shard in shards) == 1
    assert not drift()


def test_their_orders_stay_as_records_of_a_customer_who_is_nobody(somebody):
    before = list(Order.objects.filter(customer__user=somebody).order_by("pk").values_list("pk", "status", "day"))
    items = OrderItem.objects.count()
    request_erasure(somebody, actor=None)

    run_due_jobs()

    after = Order.objects.filter(customer__user=somebody).order_by("pk").values_list("pk", "status", "day")
    assert list(after) == before
    assert OrderItem.objects.count() == items
    assert not CartItem.objects.filter(customer__user=somebody).exists()
    assert str(Order.objects.filter(customer__user=somebody)[0].customer).startswith("customer ")


def test_an_erasure_that_dies_after_any_batch_goes_on_where_it_was(somebody):
    erasure = request_erasure(somebody, actor=None)
    Job.objects.filter(kind="accounts.erase").delete()
    states = []

    for _ in range(100):
        erasure = advance(erasure.pk, limit=1)
        states.append(erasure.state)
        if erasure.state == "done":
            break
        assert drift() == {}  # whatever has been done so far is whole

    assert states[-1] == "done"
    assert len(states) > len(steps()) + 4  # batches of one row
    assert erasure.progress["reviews.votes"] == {"rows": 3, "done": True}
    assert traces() == {}
    snapshot = Erasure.objects.values().get()
    assert advance(erasure.pk).state == "done"
    assert Erasure.objects.values().get() == snapshot


def test_those_who_have_nothing_are_erased_too():
    user = UserFactory()
    request_erasure(user, actor=None)

    run_due_jobs()

    assert Erasure.objects.get(user=user).state == "done"
    assert Product.objects.count() == 0
