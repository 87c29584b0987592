"""The moderators' pages: what they show, to whom, and that every decision goes through a service."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from reviews.models import ProductRating, Review, ReviewRevision
from reviews.screening import screen
from reviews.services import approve_review, edit_review, hide_review, withdraw_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db

QUEUE = "/admin/reviews/review/pending/"
NEXT = "/admin/reviews/review/pending/next/"
HOSTILE = '<script>alert("x")</script>\nsecond <b>line</b>'


@pytest.fixture
def moderator():
    return StaffFactory(groups=["Moderators"])


@pytest.fixture
def console(client, moderator):
    client.force_login(moderator)
    return client


def page(review):
    return reverse("admin:reviews_review_change", args=[review.pk])


def decide(client, review, action, **fields):
    return client.post(reverse("admin:reviews_review_decide", args=[review.pk]), {"action": action, **fields})


def in_bulk(client, action, *reviews, seen=1, **fields):
    data = {"action": action, "_selected_action": [review.pk for review in reviews], "index": "0", **fields}
    return client.post(QUEUE, data | {f"seen_{review.pk}": seen for review in reviews})


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def text(answer):
    return answer.content.decode()


# Deciding


def test_approving_publishes_moves_the_rating_and_goes_on(console, moderator):
    review = pending_review(rating=5, title="Fine bowl")

    answer = decide(console, review, "approve", revision=1)

    assert answer.status_code == 302
    assert answer["Location"] == NEXT
    assert said(answer) == ["Approved: “Fine bowl”."]
    assert Review.objects.public().get() == review
    assert ProductRating.objects.get(product=review.product_id).stars_5 == 1
    entry = Entry.objects.get(verb="review.approved")
    assert (entry.actor_id, entry.reason) == (moderator.pk, "approved_ok")


def test_rejecting_needs_a_reason_and_records_it(console):
    review = pending_review()

    without = decide(console, review, "reject", revision=1)
    review.refresh_from_db()
    assert review.status == "pending"
    assert "choose a reason" in said(without)[0]

    decide(console, review, "reject", revision=1, reason="spam")
    review.refresh_from_db()
    assert review.status == "rejected"
    assert Entry.objects.get(verb="review.rejected").reason == "spam"


def test_a_made_up_reason_is_refused(console):
    review = pending_review()

    decide(console, review, "reject", revision=1, reason="I just do not like it")

    assert ReviewRevision.objects.get(review=review).state == "pending"


def test_a_text_that_changed_meanwhile_is_not_decided_unseen(console):
    review = pending_review()
    edit_review(review.pk, author=review.author, changes={"comment": "Buy at my shop instead."})

    answer = decide(console, review, "approve", revision=1)

    assert answer["Location"] == page(review)
    assert "changed since you opened it" in said(answer)[0]
    assert not Review.objects.public().exists()


def test_a_decision_that_a_colleague_took_meanwhile_is_said_not_repeated(console):
    review = pending_review()
    approve_review(review.pk, actor=None)

    answer = decide(console, review, "reject", revision=1, reason="spam")

    assert "somebody may have decided meanwhile" in said(answer)[0]
    assert Review.objects.public().exists()


def test_a_decision_without_the_text_that_was_seen_is_refused(console):
    review = pending_review()

    decide(console, review, "approve")

    assert not Review.objects.public().exists()


def test_moderators_cannot_decide_on_their_own_vendors_products(console, moderator):
    review = pending_review()
    Membership.objects.create(user=moderator, profile=review.product.vendor, role="viewer")

    answer = decide(console, review, "approve", revision=1)

    assert "cannot decide" in said(answer)[0]
    assert not Review.objects.public().exists()


def test_hiding_and_restoring_take_a_review_out_of_the_rating_and_back(console):
    review = approved_review(rating=4)

    decide(console, review, "hide", reason="privacy")
    assert ProductRating.objects.get(product=review.product_id).count == 0

    decide(console, review, "restore")
    assert ProductRating.objects.get(product=review.product_id).count == 1


def test_decisions_are_posted_only(console):
    review = pending_review()

    assert console.get(reverse("admin:reviews_review_decide", args=[review.pk])).status_code == 405


def test_a_decision_carries_a_csrf_token(client, moderator):
    review = pending_review()
    client.handler.enforce_csrf_checks = True
    client.force_login(moderator)

    assert decide(client, review, "approve", revision=1).status_code == 403


@pytest.mark.parametrize("group", ["Finance", "Operators", "Services"])
def test_other_groups_neither_see_the_queue_nor_decide(client, group):
    review = pending_review()
    client.force_login(StaffFactory(groups=[group]))

    assert client.get(QUEUE).status_code == 403
    assert client.get(NEXT).status_code == 403
    assert client.get(page(review)).status_code == 403
    assert decide(client, review, "approve", revision=1).status_code == 403
    assert in_bulk(client, "approve", review).status_code == 403
    assert not Review.objects.public().exists()


def test_readers_without_the_right_to_decide_get_no_buttons(client):
    review = pending_review()
    client.force_login(StaffFactory(permissions=["reviews.view_review"]))

    answer = client.get(page(review))

    assert answer.status_code == 200
    assert 'name="action"' not in text(answer)


# The queue


def test_the_queue_is_oldest_first_and_next_leads_to_its_head(console):
    newer, older = pending_review(title="Newer"), pending_review(title="Older")
    ReviewRevision.objects.filter(review=older).update(created_at=timezone.now() - timedelta(hours=3))

    content = text(console.get(QUEUE))

    assert content.index("Older") < content.index("Newer")
    assert console.get(NEXT)["Location"] == page(older)
    decide(console, older, "approve", revision=1)
    assert console.get(NEXT)["Location"] == page(newer)


def test_an_empty_queue_says_so(console):
    assert "Nothing waits." in text(console.get(QUEUE))
    assert console.get(NEXT)["Location"] == QUEUE


def test_an_edit_of_an_approved_review_waits_with_its_new_text(console):
    review = approved_review(title="Old title")
    edit_review(review.pk, author=review.author, changes={"title": "New title"})

    content = text(console.get(QUEUE))

    assert "New title" in content
    assert "Old title" not in content


def test_withdrawn_reviews_leave_the_queue(console):
    review = pending_review()
    withdraw_review(review.pk, author=review.author)

    assert "Nothing waits." in text(console.get(QUEUE))


def test_signals_are_shown_as_sentences(console):
    review = pending_review(comment="Cheaper at www.example-shop.com")
    screen(review.pk)

    assert "The text contains a link." in text(console.get(QUEUE))
    assert "The text contains a link." in text(console.get(page(review)))


def test_many_are_approved_at_once_and_each_outcome_is_told(console):
    first, second, stale = pending_review(title="One"), pending_review(title="Two"), pending_review(title="Three")
    edit_review(stale.pk, author=stale.author, changes={"comment": "Another text."})

    answer = in_bulk(console, "approve", first, second, stale)

    assert sorted(said(answer))[:2] == ["Approved: “One”.", "Approved: “Two”."]
    assert any("changed since you opened it" in message for message in said(answer))
    assert Review.objects.public().count() == 2


def test_rejecting_many_needs_a_reason(console):
    review = pending_review()

    assert "choose a reason" in said(in_bulk(console, "reject", review))[0]
    assert Review.objects.pending().exists()

    in_bulk(console, "reject", review, reason="off_topic")
    assert not Review.objects.pending().exists()


def test_a_bulk_action_without_the_texts_seen_decides_nothing(console):
    review = pending_review()

    in_bulk(console, "approve", review, seen="")

    assert Review.objects.pending().exists()


@pytest.mark.parametrize("query", ["bowl", "ada", "'; --", "\ufffd", "01900000-0000-7000-8000-000000000000", "★"])
def test_any_search_of_the_queue_and_of_all_reviews_answers(console, query):
    pending_review(title="bowl")

    assert console.get(QUEUE, {"q": query}).status_code == 200
    assert console.get("/admin/reviews/review/", {"q": query}).status_code == 200


# The decision page


def test_user_text_is_escaped_and_keeps_its_lines(console):
    review = pending_review(title=HOSTILE.replace("\n", " "), comment=HOSTILE)
    approve_review(review.pk, actor=None)
    edit_review(review.pk, author=review.author, changes={"comment": HOSTILE + " and <i>more</i>"})

    for address in (QUEUE, page(review), "/admin/reviews/review/", "/admin/"):
        content = text(console.get(address))
        assert "<script>alert" not in content
        assert "<b>line" not in content
        assert "<i>more" not in content
    assert "&lt;/script&gt;<br>second" in text(console.get(page(review)))


def test_an_edit_is_shown_beside_the_public_text_with_what_changed(console):
    review = approved_review(comment="The bowl is blue and round.", rating=5)
    edit_review(review.pk, author=review.author, changes={"comment": "The bowl is green and round.", "rating": 3})

    content = text(console.get(page(review)))

    assert "Public now" in content
    assert "<del>" in content
    assert "<ins>" in content
    assert "waiting" in content.lower()


def test_authors_stay_pseudonymous_unless_one_may_see_identities(client):
    review = pending_review()
    review.author.username, review.author.email = "secret-name", "secret@example.org"
    review.author.save()

    client.force_login(StaffFactory(groups=["Moderators"]))
    for address in (QUEUE, page(review), "/admin/reviews/review/", "/admin/", "/admin/audit/entry/"):
        assert "secret" not in text(client.get(address)), address
    assert f"user {str(review.author_id)[-8:]}" in text(client.get(page(review)))

    client.force_login(StaffFactory(groups=["Senior moderators"]))
    assert "secret-name" in text(client.get(page(review)))


def test_a_review_of_any_state_has_a_page(console):
    withdrawn, hidden = pending_review(), approved_review()
    withdraw_review(withdrawn.pk, author=withdrawn.author)
    hide_review(hidden.pk, actor=None, reason="spam")

    assert "withdrew" in text(console.get(page(withdrawn)))
    assert "Restore" in text(console.get(page(hidden)))
    assert console.get(reverse("admin:reviews_review_change", args=["nonsense"])).status_code == 302


def test_the_form_of_a_review_changes_nothing(console):
    review = pending_review()

    answer = console.post(page(review), {"status": "approved", "rating": 1, "title": "Taken over"})

    review.refresh_from_db()
    assert answer.status_code == 403
    assert (review.status, review.title) == ("pending", "Good")
    assert console.get("/admin/reviews/review/add/").status_code == 403
    assert console.post(f"/admin/reviews/review/{review.pk}/delete/", {"post": "yes"}).status_code == 403


# Scale


@pytest.mark.parametrize("address", [QUEUE, "/admin/reviews/review/", "/admin/"])
def test_the_number_of_queries_does_not_grow_with_the_reviews(console, django_assert_max_num_queries, address):
    def fill():
        for _ in range(3):
            screen(pending_review().pk)

    fill()
    console.get(address)
    with django_assert_max_num_queries(40) as before:
        console.get(address)
    fill()
    with django_assert_max_num_queries(len(before)):
        console.get(address)


def test_the_decision_page_does_not_query_more_for_a_busier_author(console, django_assert_max_num_queries):
    review = pending_review()
    buyer = review.author
    pending_review(delivered_purchase(buyer))
    console.get(page(review))
    with django_assert_max_num_queries(60) as before:
        console.get(page(review))
    for _ in range(3):
        pending_review(delivered_purchase(buyer))
    with django_assert_max_num_queries(len(before)):
        console.get(page(review))
