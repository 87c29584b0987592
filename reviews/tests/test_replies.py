"""Vendors' replies: who writes them, how they are decided, and where they are seen."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews import errors
from reviews.models import ReplyRevision, VendorReply
from reviews.services import (
    approve_reply,
    hide_reply,
    hide_review,
    reject_reply,
    restore_reply,
    restrict_review,
    withdraw_reply,
    withdraw_review,
    write_reply,
)
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import AccountSuspended, InvalidTransition, NotFound, PermissionDenied
from trustengine.testing import api_client_for, at_once, run_due_jobs


def manager_of(review, role="manager", **user):
    return MembershipFactory(profile=review.product.vendor, role=role, user=UserFactory(**user)).user


def answered(review=None, text="Thank you.", **fields):
    review = review or approved_review()
    reply = write_reply(review.pk, member=manager_of(review), text=text).reply
    return approve_reply(reply.pk, actor=None)


def shown(review):
    return api_client_for().get(f"/api/v1/reviews/{review.pk}/").json()["reply"]


@pytest.mark.django_db
def test_a_reply_is_public_once_a_moderator_approves_it():
    review = approved_review()
    client, url = api_client_for(manager_of(review)), f"/api/v1/reviews/{review.pk}/reply/"

    created = client.put(url, {"text": " Thank\u202e you. "})

    assert created.status_code == 201
    assert (created.json()["text"], created.json()["status"]) == ("Thank you.", "pending")
    assert shown(review) is None
    reply, actor = VendorReply.objects.get(), moderator()
    approve_reply(reply.pk, actor=actor, revision=1, reason="approved_ok")
    assert shown(review)["text"] == "Thank you."
    assert shown(review)["vendor_name"] == review.product.vendor.display_name
    entry = Entry.objects.get(verb="reply.approved")
    assert (entry.actor_id, entry.after["automated"]) == (actor.pk, False)
    assert "Thank" not in str([*Entry.objects.values_list("before", "after")])


@pytest.mark.django_db
def test_an_edit_of_an_approved_reply_waits_while_the_approved_text_stays():
    reply = answered()
    client = api_client_for(manager_of(reply.review))
    url = f"/api/v1/reviews/{reply.review_id}/reply/"

    changed = client.put(url, {"text": "We are sorry."})

    assert changed.status_code == 200
    assert [each["state"] for each in changed.json()["revisions"]] == ["approved", "pending"]
    assert shown(reply.review)["text"] == "Thank you."
    reject_reply(reply.pk, actor=moderator(), revision=2, reason="other")
    assert shown(reply.review)["text"] == "Thank you."
    write_reply(reply.review_id, member=manager_of(reply.review), text="We are very sorry.")
    approve_reply(reply.pk, actor=moderator(), revision=3)
    assert shown(reply.review)["text"] == "We are very sorry."
    assert [each["number"] for each in client.get(url).json()["revisions"]] == [1, 2, 3]


@pytest.mark.django_db
def test_the_same_text_again_changes_nothing():
    reply = answered()
    entries = Entry.objects.count()

    again = write_reply(reply.review_id, member=manager_of(reply.review), text="Thank you.")

    assert not again.is_new
    assert (reply.revisions.count(), Entry.objects.count()) == (1, entries)


@pytest.mark.django_db
def test_only_managers_of_the_products_vendor_reply():
    review, elsewhere = approved_review(), approved_review()
    url = f"/api/v1/reviews/{review.pk}/reply/"
    for user in (UserFactory(), review.author, moderator(), manager_of(elsewhere), manager_of(review, "viewer")):
        for answer in (api_client_for(user).put(url, {"text": "Hi"}), api_client_for(user).delete(url)):
            assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
    with pytest.raises(AccountSuspended):
        write_reply(review.pk, member=manager_of(review, suspended_at=timezone.now()), text="Hi")
    assert api_client_for().put(url, {"text": "Hi"}).status_code == 401


@pytest.mark.django_db
def test_what_is_not_public_cannot_be_replied_to():
    pending, hidden, withdrawn = pending_review(), approved_review(), approved_review()
    hide_review(hidden.pk, actor=moderator(), reason="privacy")
    withdraw_review(withdrawn.pk, author=withdrawn.author)

    for review in (pending, hidden):
        with pytest.raises(errors.ReviewNotFound):
            write_reply(review.pk, member=manager_of(review), text="Hi")
    with pytest.raises(errors.ReviewDeleted):
        write_reply(withdrawn.pk, member=manager_of(withdrawn), text="Hi")
    with pytest.raises(errors.ReviewNotFound):
        write_reply(pending.product_id, member=UserFactory(), text="Hi")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "\u202e"}, {"text": "x" * 5_001}, {"text": None}, ["x"]])
def test_a_reply_without_a_usable_text_is_invalid(body):
    review = approved_review()

    answer = api_client_for(manager_of(review)).put(f"/api/v1/reviews/{review.pk}/reply/", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")


@pytest.mark.django_db
def test_a_text_that_grows_when_it_is_normalised_is_measured_as_it_is_stored():
    review = approved_review()
    growing = "\U0001d160" * 1_700  # each becomes three characters in NFC

    answer = api_client_for(manager_of(review)).put(f"/api/v1/reviews/{review.pk}/reply/", {"text": growing})

    assert answer.status_code == 400


@pytest.mark.django_db
def test_a_withdrawn_reply_is_gone_and_written_anew_waits_with_its_history():
    reply = answered()
    client, url = api_client_for(manager_of(reply.review)), f"/api/v1/reviews/{reply.review_id}/reply/"

    assert client.delete(url).status_code == 204
    assert shown(reply.review) is None
    assert client.delete(url).status_code == 404
    assert client.get(url).status_code == 404
    with pytest.raises(NotFound):
        approve_reply(reply.pk, actor=moderator())

    anew = client.put(url, {"text": "Thank you."})
    assert (anew.status_code, anew.json()["status"], len(anew.json()["revisions"])) == (201, "pending", 2)
    assert shown(reply.review) is None


@pytest.mark.django_db
def test_a_hidden_reply_is_seen_by_nobody_until_it_is_restored():
    reply, actor = answered(), moderator()

    for _ in range(2):
        hide_reply(reply.pk, actor=actor, reason="offensive")
    assert shown(reply.review) is None
    for _ in range(2):
        restore_reply(reply.pk, actor=actor, reason="no_violation")
    assert shown(reply.review)["text"] == "Thank you."
    assert Entry.objects.filter(verb__in=["reply.hidden", "reply.restored"]).count() == 2


@pytest.mark.django_db
def test_nobody_decides_without_the_right_or_with_an_interest():
    review = approved_review(delivered_purchase(moderator()))
    reply = write_reply(review.pk, member=manager_of(review), text="Hi").reply
    employed = moderator()
    Membership.objects.create(user=employed, profile=review.product.vendor, role="viewer")

    for actor, error in [
        (UserFactory(), PermissionDenied),
        (employed, errors.ConflictOfInterest),
        (review.author, errors.ConflictOfInterest),
    ]:
        with pytest.raises(error):
            approve_reply(reply.pk, actor=actor)


@pytest.mark.django_db
def test_a_text_that_changed_since_it_was_read_is_not_decided():
    reply = answered()
    write_reply(reply.review_id, member=manager_of(reply.review), text="Other")

    with pytest.raises(errors.CaseChanged):
        approve_reply(reply.pk, actor=moderator(), revision=1)
    approve_reply(reply.pk, actor=moderator(), revision=2)
    with pytest.raises(InvalidTransition):
        reject_reply(reply.pk, actor=moderator(), reason="spam")


@pytest.mark.django_db
def test_screening_approves_a_clean_reply_of_a_vendor_with_a_record_and_nothing_else(settings):
    settings.AUTO_APPROVE_MIN_CONSECUTIVE = 2
    product = ProductFactory()

    def reply(text):
        review = approved_review(delivered_purchase(product=product))
        found = write_reply(review.pk, member=manager_of(review), text=text).reply
        run_due_jobs()
        found.refresh_from_db()
        return found

    first, second = reply("Thank you."), reply("Thanks a lot.")
    assert (first.status, second.status) == ("pending", "pending")
    assert first.revisions.get().signals == []
    for each in (first, second):
        approve_reply(each.pk, actor=moderator())
    trusted, advertising = reply("We are glad."), reply("Write to shop@example.com")
    assert (trusted.status, trusted.moderated_by) == ("approved", None)
    assert advertising.status == "pending"
    assert [signal["name"] for signal in advertising.revisions.get().signals] == ["email_address"]
    reject_reply(advertising.pk, actor=moderator(), reason="spam")
    assert reply("We are glad again.").status == "pending"


@pytest.mark.django_db
def test_reviews_are_found_by_whether_they_are_answered_in_public():
    reply = answered()
    product = reply.review.product
    waiting = approved_review(delivered_purchase(product=product))
    write_reply(waiting.pk, member=manager_of(waiting), text="Hi")

    def found(value):
        page = api_client_for().get(f"/api/v1/products/{product.pk}/reviews/", {"has_reply": value}).json()
        return [review["id"] for review in page["results"]]

    assert found("true") == [str(reply.review_id)]
    assert found("false") == [str(waiting.pk)]


@pytest.mark.django_db
def test_replies_cost_a_list_no_query_each():
    product = ProductFactory()
    member = MembershipFactory(profile=product.vendor, role="owner").user

    def add():
        review = approved_review(delivered_purchase(product=product))
        approve_reply(write_reply(review.pk, member=member, text="Thanks").reply.pk, actor=None)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page = api_client_for().get(f"/api/v1/products/{product.pk}/reviews/").json()["results"]
        assert all(review["reply"] for review in page)
        return len(captured)

    add()
    few = queries()
    for _ in range(3):
        add()

    assert queries() == few


@pytest.mark.django_db(transaction=True)
def test_two_first_replies_at_once_make_one_reply_with_both_texts():
    review = approved_review()
    members = [manager_of(review) for _ in range(3)]

    results = at_once(
        *[partial(write_reply, review.pk, member=member, text=f"Text {n}") for n, member in enumerate(members)]
    )

    assert sorted(result.is_new for result in results) == [False, False, True]
    reply = VendorReply.objects.get()
    assert reply.revisions.count() == 3
    assert reply.revisions.filter(state=ReplyRevision.State.PENDING).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_decision_and_a_withdrawal_at_once_leave_nothing_waiting():
    review = approved_review()
    member, actor = manager_of(review), moderator()
    reply = write_reply(review.pk, member=member, text="Hi").reply

    at_once(
        partial(approve_reply, reply.pk, actor=actor, revision=1),
        partial(withdraw_reply, review.pk, member=member),
    )

    reply.refresh_from_db()
    assert reply.deleted_at is not None
    assert not reply.revisions.filter(state="pending").exists()


@pytest.mark.django_db
def test_ones_own_reviews_need_no_query_each():
    author = UserFactory()

    def add():
        review = approved_review(delivered_purchase(author))
        answered(review)
        restrict_review(review.pk, actor=None, ground="manipulated_rating")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page = api_client_for(author).get("/api/v1/me/reviews/").json()["results"]
        assert all(review["reply"] and review["restriction"] for review in page)
        return len(captured)

    add()
    few = queries()
    for _ in range(3):
        add()

    assert queries() == few
