from datetime import timedelta
from functools import partial

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews import jobs
from reviews.errors import ConflictOfInterest
from reviews.models import ProductRating, Quarantine, Review
from reviews.services import (
    approve_review,
    drop_quarantine,
    edit_review,
    hide_review,
    open_quarantine,
    release_quarantine,
    restore_review,
    withdraw_review,
)
from reviews.services import quarantine as service
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs


def counted(product):
    rating = ProductRating.objects.filter(product=product).first()
    return rating.count if rating else 0


def bought(product):
    return delivered_purchase(product=product)


@pytest.fixture
def product():
    return ProductFactory()


def long_ago(review):
    """As if a review had been written and approved a month before."""
    then = timezone.now() - timedelta(days=30)
    Review.objects.filter(pk=review.pk).update(created_at=then, moderated_at=then)
    review.revisions.update(created_at=then, decided_at=then)
    return review


def attacked(product, *, stars=5, number=3):
    """A product with one old rating, and ``number`` new ones in an open quarantine."""
    long_ago(approved_review(bought(product), rating=2))
    since = timezone.now()
    reviews = [approved_review(bought(product), rating=stars) for _ in range(number)]
    row = open_quarantine(product.pk, actor=None, reason="product_burst", since=since)
    run_due_jobs()
    return row, reviews


@pytest.mark.django_db
class TestOneQuarantine:
    def test_opening_takes_new_ratings_out_and_leaves_old_ones_in_and_all_readable(self, product):
        row, reviews = attacked(product)

        assert counted(product) == 1
        assert ProductRating.objects.get(product=product).average == 2
        assert Review.objects.public().count() == 4
        assert set(row.reviews.values_list("pk", flat=True)) == {review.pk for review in reviews}

    def test_an_approval_during_it_joins_and_an_edit_of_what_counted_before_counts(self, product):
        old = long_ago(approved_review(bought(product), rating=2))
        open_quarantine(product.pk, actor=None, reason="product_burst")
        run_due_jobs()

        approve_review(pending_review(bought(product)).pk, actor=moderator())
        edit_review(old.pk, author=old.author, changes={"rating": 1})
        approve_review(old.pk, actor=moderator())

        assert ProductRating.objects.get(product=product).stars_1 == counted(product) == 1

    def test_releasing_lets_all_of_them_count_and_the_next_one_too(self, product):
        row, _ = attacked(product)

        release_quarantine(row.pk, actor=moderator())
        approved_review(bought(product), rating=3)

        assert counted(product) == 5
        assert not Review.objects.exclude(quarantined_at=None).exists()
        assert row.reviews.count() == 3

    def test_dropping_keeps_them_out_for_good_and_lets_the_next_one_count(self, product):
        row, reviews = attacked(product)

        drop_quarantine(row.pk, actor=moderator())
        approved_review(bought(product), rating=3)
        second = open_quarantine(product.pk, actor=None, reason="product_burst")
        run_due_jobs()
        release_quarantine(second.pk, actor=moderator())

        assert counted(product) == 2
        assert Review.objects.exclude(quarantined_at=None).count() == len(reviews)

    def test_what_is_hidden_in_quarantine_comes_back_uncounted(self, product):
        row, reviews = attacked(product)
        hide_review(reviews[0].pk, actor=moderator(), reason="fake")
        restore_review(reviews[0].pk, actor=moderator(), reason="no_violation")
        withdraw_review(reviews[1].pk, author=reviews[1].author)
        assert counted(product) == 1

        release_quarantine(row.pk, actor=moderator())

        assert counted(product) == 3

    def test_deciding_twice_changes_nothing_and_deciding_otherwise_is_refused(self, product):
        row, _ = attacked(product)
        first = release_quarantine(row.pk, actor=moderator())

        assert release_quarantine(row.pk, actor=moderator()).decided_by == first.decided_by
        with pytest.raises(InvalidTransition):
            drop_quarantine(row.pk, actor=moderator())
        assert Entry.objects.filter(verb="quarantine.released").count() == 1

    def test_opening_twice_leaves_one(self, product):
        first = open_quarantine(product.pk, actor=None, reason="product_burst")

        assert open_quarantine(product.pk, actor=None, reason="product_burst") == first
        assert Entry.objects.filter(verb="quarantine.opened").count() == 1

    def test_only_moderators_decide_and_not_about_their_own_product(self, product):
        row, _ = attacked(product)
        own = moderator()
        Membership.objects.create(user=own, profile=product.vendor, role=Membership.Role.OWNER)

        with pytest.raises(PermissionDenied):
            release_quarantine(row.pk, actor=UserFactory())
        with pytest.raises(ConflictOfInterest):
            release_quarantine(row.pk, actor=own)
        with pytest.raises(NotFound):
            open_quarantine(row.pk, actor=None, reason="product_burst")

    def test_a_large_one_moves_in_parts_and_ends_the_same(self, product, monkeypatch):
        monkeypatch.setattr(service, "AT_ONCE", 2)
        row, _ = attacked(product, number=7)
        assert counted(product) == 1

        release_quarantine(row.pk, actor=moderator())
        assert counted(product) == 3
        run_due_jobs()

        assert counted(product) == 8

    def test_a_repeated_job_changes_nothing(self, product):
        row, _ = attacked(product)
        jobs.sweep_quarantine(str(row.pk))
        assert counted(product) == 1
        release_quarantine(row.pk, actor=moderator())

        jobs.sweep_quarantine(str(row.pk))
        jobs.replay_quarantine(str(row.pk))

        assert counted(product) == 4
        assert call_command("reconcile", "ratings") is None

    def test_imported_reviews_are_history(self, product):
        imported = approved_review(bought(product))
        Review.objects.filter(pk=imported.pk).update(import_digest=b"as imported")

        open_quarantine(product.pk, actor=None, reason="product_burst", since=timezone.now() - timedelta(days=1))
        run_due_jobs()

        assert counted(product) == 1

    def test_a_burst_of_reviews_opens_one_by_itself_and_not_again_after_a_decision(self, product, settings):
        settings.QUARANTINE_MIN_REVIEWS = settings.BURST_MIN_REVIEWS = 4
        settings.QUARANTINE_PROBABILITY = 1e-2
        settings.BURST_PROBABILITY = 1e-2
        for _ in range(5):
            approved_review(bought(product))
            pending_review(bought(product))
            run_due_jobs()

        row = Quarantine.objects.get()
        assert (row.state, row.opened_by, row.reason) == ("open", None, "product_burst")
        assert row.found >= 4
        assert counted(product) == 0

        release_quarantine(row.pk, actor=moderator())
        pending_review(bought(product))
        run_due_jobs()

        assert Quarantine.objects.get().state == "released"
        assert counted(product) == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(2))
def test_approvals_while_one_opens_all_end_up_in_it(round_):
    product, boss = ProductFactory(), moderator()
    since = timezone.now()
    waiting = [pending_review(bought(product)) for _ in range(5)]

    at_once(
        partial(open_quarantine, product.pk, actor=None, reason="product_burst", since=since),
        *[partial(approve_review, review.pk, actor=boss) for review in waiting],
        partial(open_quarantine, product.pk, actor=None, reason="product_burst", since=since),
        run_due_jobs,
    )
    run_due_jobs()

    assert Quarantine.objects.count() == 1
    assert Review.objects.filter(status="approved", quarantined_at=None).count() == 0
    assert counted(product) == 0
    assert not Job.objects.open().exclude(kind="reports.deliver_statements").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(2))
def test_approvals_while_one_is_released_all_count_in_the_end(round_):
    product, boss = ProductFactory(), moderator()
    row, _ = attacked(product)
    waiting = [pending_review(bought(product)) for _ in range(5)]

    outcomes = at_once(
        *[partial(approve_review, review.pk, actor=boss) for review in waiting[:3]],
        partial(release_quarantine, row.pk, actor=boss),
        *[partial(approve_review, review.pk, actor=boss) for review in waiting[3:]],
        partial(transaction.atomic(jobs.sweep_quarantine), str(row.pk)),
    )
    run_due_jobs()

    assert not [outcome for outcome in outcomes[:-1] if isinstance(outcome, Exception)]
    assert not Review.objects.exclude(quarantined_at=None).exists()
    assert counted(product) == 9
