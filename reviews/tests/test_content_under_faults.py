"""Restrictions, replies and photos where something goes wrong half-way, or two things happen at once."""

from contextlib import suppress
from functools import partial
from io import BytesIO

import pytest
from django.db import transaction

from reviews.models import ProductRating, Review, ReviewPhoto
from reviews.services import (
    add_photo,
    approve_review,
    delete_photo,
    hide_review,
    lift_restriction,
    restrict_review,
    withdraw_review,
    write_reply,
)
from reviews.tests.factories import approved_review, moderator, pending_review
from reviews.tests.pictures import picture
from trustengine.accounts.tests.factories import MembershipFactory
from trustengine.audit.models import Entry
from trustengine.errors import DomainError
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs

TOLD = "manipulated_rating"


class Crash(Exception):
    """The process dies before its transaction commits."""


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def add(review, size=(60, 40)):
    data = picture(size=size)
    return add_photo(review.pk, author=review.author, file=BytesIO(data), size=len(data))[0]


def crash_after(action):
    with suppress(Crash), transaction.atomic():
        action()
        raise Crash


def swallow(action):
    with suppress(DomainError):
        action()


@pytest.mark.django_db(transaction=True)
def test_a_crash_before_the_commit_leaves_no_trace_but_a_file_for_the_sweep(media):
    review, actor = approved_review(), moderator()
    member = MembershipFactory(profile=review.product.vendor, role="owner").user
    photo = add(review)
    run_due_jobs()
    rows, jobs, found = Entry.objects.count(), Job.objects.count(), len(files_in(media))

    crash_after(partial(restrict_review, review.pk, actor=actor, ground=TOLD))
    crash_after(partial(write_reply, review.pk, member=member, text="Thanks"))
    crash_after(partial(delete_photo, review.pk, photo.pk, author=review.author))
    crash_after(partial(add, review, (30, 30)))

    assert (Entry.objects.count(), Job.objects.count()) == (rows, jobs)
    assert ReviewPhoto.objects.get() == photo
    assert Review.objects.public().get() == review
    assert ProductRating.objects.get(product=review.product).count == 1
    assert len(files_in(media)) == found + 1


@pytest.mark.django_db(transaction=True)
def test_everything_that_hides_a_review_at_once_leaves_the_rating_exact():
    for _ in range(3):
        review, actor = approved_review(rating=4), moderator()

        at_once(
            *[
                partial(swallow, action)
                for action in (
                    partial(restrict_review, review.pk, actor=actor, ground=TOLD),
                    partial(hide_review, review.pk, actor=actor, reason="spam"),
                    partial(lift_restriction, review.pk, actor=actor),
                    partial(withdraw_review, review.pk, author=review.author),
                )
            ]
        )

        assert ProductRating.objects.get(product=review.product).count == 0
        review.refresh_from_db()
        assert (review.restricted_at is not None) == review.restrictions.active().exists()


@pytest.mark.django_db(transaction=True)
def test_a_photo_a_decision_and_a_withdrawal_at_once_leave_nothing_half_done(media):
    for number in range(3):
        review, actor = pending_review(), moderator()
        photo = add(review)

        at_once(
            *[
                partial(swallow, action)
                for action in (
                    partial(add, review, (20 + number, 20)),
                    partial(approve_review, review.pk, actor=actor, revision=2),
                    partial(delete_photo, review.pk, photo.pk, author=review.author),
                    partial(withdraw_review, review.pk, author=review.author),
                )
            ]
        )
        run_due_jobs()

        review.refresh_from_db()
        assert review.deleted_at is not None
        assert not review.revisions.filter(state="pending").exists()
    assert not ReviewPhoto.objects.exists()
    assert files_in(media) == []


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_work_is_done_and_what_follows_is_kept_for_later(settings, tmp_path):
    settings.REDIS_ADDRESS = f"unix://{tmp_path}/nobody.sock?socket_connect_timeout=0.25&socket_timeout=0.25"
    review = approved_review()
    member = MembershipFactory(profile=review.product.vendor, role="owner").user

    add(review)
    write_reply(review.pk, member=member, text="Thanks")
    restrict_review(review.pk, actor=moderator(), ground=TOLD)

    due = set(Job.objects.open().values_list("kind", flat=True))
    assert {"reviews.make_thumbnail", "reviews.screen_reply", "reviews.forget_stale_answers"} <= due
