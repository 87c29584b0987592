"""The moderators' pages for photos, vendors' replies and restrictions."""

from io import BytesIO

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from reviews.models import Restriction, Review, ReviewPhoto
from reviews.services import add_photo, approve_reply, restrict_review, withdraw_review, write_reply
from reviews.tests.factories import approved_review, pending_review
from reviews.tests.pictures import picture
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(client):
    client.force_login(StaffFactory(groups=["Moderators"]))
    return client


def page(review):
    return reverse("admin:reviews_review_change", args=[review.pk])


def reply_page(reply):
    return reverse("admin:reviews_vendorreply_change", args=[reply.pk])


def answered(text="Thank <b>you</b>."):
    review = approved_review()
    member = MembershipFactory(profile=review.product.vendor, role="owner").user
    return write_reply(review.pk, member=member, text=text).reply


def restrict(client, review, **fields):
    return client.post(reverse("admin:reviews_review_restrict", args=[review.pk]), fields)


def decide(client, reply, action, **fields):
    return client.post(reverse("admin:reviews_vendorreply_decide", args=[reply.pk]), {"action": action, **fields})


def said(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def photo(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    review = pending_review()
    data = picture()
    return add_photo(review.pk, author=review.author, file=BytesIO(data), size=len(data))[0]


def test_photos_stand_on_the_decision_page_and_are_decided_with_the_text(console, photo):
    shown = text(console.get(page(photo.review)))
    address = reverse("admin:reviews_review_photo", args=[photo.pk])
    assert f'src="{address}"' in shown
    assert "blurred until you look" in shown
    answer = console.get(address)
    assert answer["Content-Type"] == "image/jpeg"
    assert "no-store" in answer["Cache-Control"]

    decided = reverse("admin:reviews_review_decide", args=[photo.review_id])
    console.post(decided, {"action": "approve", "revision": 2})
    assert ReviewPhoto.objects.get().state == "approved"


def test_photos_are_shown_here_to_readers_of_reviews_only(client, photo):
    address = reverse("admin:reviews_review_photo", args=[photo.pk])
    client.force_login(StaffFactory(groups=["Finance"]))

    assert client.get(address).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302


def test_a_review_is_restricted_and_shown_again_from_its_page(console):
    review = approved_review()

    assert "choose a ground" in said(restrict(console, review, action="restrict"))
    refused = restrict(console, review, action="restrict", ground="legal_order", silent="on")
    assert "has to be told" in said(refused)
    assert not Restriction.objects.exists()
    restrict(console, review, action="restrict", ground="legal_order", days="7")
    restriction = Restriction.objects.active().get()
    assert (restriction.expires_at - restriction.imposed_at).days in {6, 7}
    assert not Review.objects.public().exists()
    assert "A court or an authority has ordered it." in text(console.get(page(review)))

    restrict(console, review, action="lift")
    assert Review.objects.public().exists()


def test_an_excepted_restriction_is_recorded_as_silent(console):
    review = approved_review()

    restrict(console, review, action="restrict", ground="deceptive_high_volume_commercial", silent="on")

    assert not Restriction.objects.active().get().is_notified
    assert "not told" in text(console.get(page(review)))


def test_only_moderators_restrict(client):
    review = approved_review()
    client.force_login(StaffFactory(permissions=["reviews.view_review"]))

    assert restrict(client, review, action="restrict", ground="legal_order").status_code == 403
    assert "te-restrict" not in text(client.get(page(review)))


def test_a_refused_restriction_is_said_and_not_an_error(console):
    review = approved_review()
    restrict_review(review.pk, actor=None, ground="legal_order")

    assert "another ground" in said(restrict(console, review, action="restrict", ground="manipulated_rating"))


def test_replies_are_listed_read_and_decided(console):
    waiting, other = answered(), answered("Other words")
    approve_reply(other.pk, actor=None)

    shown = text(console.get(reverse("admin:reviews_vendorreply_pending")))
    assert str(waiting.pk) in shown
    assert str(other.pk) not in shown
    assert str(other.pk) in text(console.get(reverse("admin:reviews_vendorreply_changelist")))
    shown = text(console.get(reply_page(waiting)))
    assert "Thank &lt;b&gt;you&lt;/b&gt;." in shown
    assert "Approved" in said(decide(console, waiting, "approve", revision=1))
    waiting.refresh_from_db()
    assert waiting.status == "approved"
    assert "Thank &lt;b&gt;you&lt;/b&gt;." in text(console.get(page(waiting.review)))
    decide(console, waiting, "hide", reason="other")
    waiting.refresh_from_db()
    assert waiting.is_hidden
    decide(console, waiting, "restore")
    waiting.refresh_from_db()
    assert not waiting.is_hidden


def test_a_reply_that_changed_meanwhile_or_is_of_the_own_vendor_is_not_decided(console, client):
    reply = answered()
    assert "changed since you opened it" in said(decide(console, reply, "reject", revision=7, reason="spam"))
    employed = StaffFactory(groups=["Moderators"])
    Membership.objects.create(user=employed, profile=reply.vendor, role="viewer")
    client.force_login(employed)
    assert "cannot decide" in said(decide(client, reply, "approve", revision=1))
    reply.refresh_from_db()
    assert reply.status == "pending"


def test_an_edit_of_a_reply_shows_what_it_changes(console):
    reply = answered("Thank you.")
    approve_reply(reply.pk, actor=None)
    member = MembershipFactory(profile=reply.vendor, role="owner").user
    write_reply(reply.review_id, member=member, text="Thank you all.")

    assert "<del>you.</del><ins>you all.</ins>" in text(console.get(reply_page(reply)))


def test_the_list_of_replies_needs_no_query_for_each(console):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries():
        with CaptureQueriesContext(connection) as captured:
            for name in ("changelist", "pending"):
                text(console.get(reverse(f"admin:reviews_vendorreply_{name}")))
        return len(captured)

    answered()
    few = queries()
    for _ in range(3):
        answered()

    assert queries() == few


def test_what_was_withdrawn_before_stands_on_the_page(console):
    first = approved_review(title="My first opinion")
    withdraw_review(first.pk, author=first.author)
    anew = pending_review(first.order_item, title="Another one")

    assert "My first opinion" in text(console.get(page(anew)))
