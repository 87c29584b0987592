"""Who is told what about their orders, and how often: once."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone

from orders.backfills import OrderStatuses
from orders.models import Notice, Order, OrderItem
from orders.notices.following import tell_customer
from orders.notices.unsubscribing import unsubscribe_url
from orders.services import transition_item
from orders.services.notices import note_items
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.models import Membership, User
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.jobs.models import Job
from trustengine.jobs.services import enqueue, publish
from trustengine.operations.tests.backfilling import backfill
from trustengine.testing import api_client_for, at_once, run_due_jobs


@pytest.fixture(autouse=True)
def prompt(settings):
    settings.NOTICE_DELAY_SECONDS = 0
    settings.MARKETPLACE_NAME, settings.MARKETPLACE_URL = "Moka & Co", "https://shop.example"
    settings.PUBLIC_URL, settings.DEFAULT_FROM_EMAIL = "https://trust.example", "Moka <no-reply@shop.example>"


def purchase(*titles, status="processing", **order):
    """An order of fresh items, one of each title, of one vendor with one owner; the owner and the items."""
    owner = UserFactory(email="owner@vendor.example")
    vendor = VendorFactory(owner=owner)
    fields = {"buyer": UserFactory(email="ada@example.org"), "placed_at": timezone.now()} | order
    placed = OrderFactory(**fields)
    items = [
        OrderItemFactory(order=placed, product=ProductFactory(vendor=vendor, title=title), fulfilment_status=status)
        for title in titles
    ]
    return owner, items


def texts():
    return "\n".join(message.body for message in mail.outbox)


@pytest.mark.django_db
def test_a_new_order_is_confirmed_to_its_customer_and_told_to_each_member_of_its_vendors():
    _, (item,) = purchase("Moka pot", status="pending")
    MembershipFactory(user=UserFactory(email="viewer@vendor.example"), profile=item.vendor)
    other = OrderItemFactory(order=item.order, product=ProductFactory(title="Secret of the other vendor"))
    MembershipFactory(user=UserFactory(email="other@vendor.example"), profile=other.vendor)

    publish("orders.order_placed", order_id=item.order_id)
    run_due_jobs()

    by_address = {message.to[0]: message for message in mail.outbox}
    assert set(by_address) == {
        "ada@example.org",
        "owner@vendor.example",
        "viewer@vendor.example",
        "other@vendor.example",
    }
    assert by_address["ada@example.org"].subject.endswith("is confirmed")
    assert "Secret" in by_address["ada@example.org"].body
    assert "Secret" not in by_address["owner@vendor.example"].body
    assert "ada" not in by_address["owner@vendor.example"].body.lower()  # vendors fulfil an order, not a name


@pytest.mark.django_db
def test_items_shipped_together_are_one_mail_with_their_tracking_numbers():
    owner, items = purchase("Moka pot", "Grinder & Co")
    for number, item in enumerate(items):
        transition_item(item.pk, to="shipped", actor=owner, tracking_number=f"T-{number}")

    run_due_jobs()

    (message,) = mail.outbox
    assert message.subject == "On its way: Moka pot and 1 more"
    assert "Grinder & Co" in message.body
    assert "T-0" in message.body
    assert "T-1" in message.body
    html = message.alternatives[0].content
    assert "Grinder &amp; Co" in html
    assert "Moka &amp; Co" in html
    assert "https://shop.example/orders/" in message.body


@pytest.mark.django_db
def test_what_is_shipped_later_is_a_mail_of_its_own_that_tells_only_that():
    owner, (first, second) = purchase("Moka pot", "Grinder")
    transition_item(first.pk, to="shipped", actor=owner)
    run_due_jobs()
    transition_item(second.pk, to="shipped", actor=owner)
    run_due_jobs()

    assert [message.subject for message in mail.outbox] == ["On its way: Moka pot", "On its way: Grinder"]
    assert "Moka pot" not in mail.outbox[1].body


@pytest.mark.django_db
def test_an_item_delivered_before_its_shipping_was_told_is_told_delivered_alone():
    owner, (item,) = purchase("Moka pot")
    transition_item(item.pk, to="shipped", actor=owner)
    transition_item(item.pk, to="delivered", actor=owner)

    run_due_jobs()

    (message,) = mail.outbox
    assert message.subject == "Delivered: Moka pot"
    assert f"https://shop.example/orders/{item.order_id}/review" in message.body


@pytest.mark.django_db
def test_news_waits_for_more_of_its_order(settings):
    settings.NOTICE_DELAY_SECONDS = 60
    owner, (item,) = purchase("Moka pot")
    transition_item(item.pk, to="shipped", actor=owner)

    run_due_jobs()

    assert not mail.outbox
    waiting = Job.objects.get(kind="orders.tell_customer", state="ready")
    assert timedelta(seconds=50) < waiting.run_at - timezone.now() <= timedelta(seconds=60)


@pytest.mark.django_db
def test_a_cancelled_item_is_told():
    owner, (item,) = purchase("Moka pot", status="pending")
    transition_item(item.pk, to="cancelled", actor=owner)

    run_due_jobs()

    cancelled, refunded = (message.subject for message in mail.outbox)
    assert cancelled == "Cancelled: Moka pot"
    assert refunded.startswith("Your refund for order ")


@pytest.mark.django_db
def test_each_refund_is_told_with_its_amount_also_the_second_of_one_item():
    _, (item,) = purchase("Moka pot")
    for cents in (500, 1_499):
        publish("orders.order_refunded", order_id=item.order_id, item_ids=[item.pk], amount_cents=cents)
        run_due_jobs()

    assert [("5.00 EUR" in m.body, "14.99 EUR" in m.body) for m in mail.outbox] == [(True, False), (False, True)]


@pytest.mark.django_db
def test_an_event_delivered_twice_is_told_once():
    owner, (item,) = purchase("Moka pot")
    transition_item(item.pk, to="shipped", actor=owner)
    run_due_jobs()

    enqueue(tell_customer, key=f"shipped:{item.order_id}")
    for _ in range(2):
        publish("orders.order_placed", order_id=item.order_id)
    run_due_jobs()

    kinds = sorted(Notice.objects.values_list("kind", flat=True))
    assert kinds == ["confirmed", "new_items", "shipped"]
    assert len(mail.outbox) == 3


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_make_one_notice():
    _, (item,) = purchase("Moka pot", status="shipped")
    OrderItem.objects.update(shipped_at=timezone.now())

    outcomes = at_once(*[partial(note_items, item.order_id, "shipped")] * 6)

    assert sum(outcome is not None for outcome in outcomes) == 1
    assert Notice.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"email": ""}, "no_address"),
        ({"suspended_at": "2026-01-01T00:00Z"}, "suspended"),
        ({"is_active": False}, "suspended"),
        ({"wants_order_updates": False}, "opted_out"),
    ],
)
def test_who_cannot_or_will_not_be_told_is_not(state, outcome):
    owner, (item,) = purchase("Moka pot")
    User.objects.filter(customer_profile__orders=item.order).update(**state)
    transition_item(item.pk, to="shipped", actor=owner)

    run_due_jobs()

    assert not mail.outbox
    notice = Notice.objects.get()
    assert (notice.state, notice.outcome) == ("skipped", outcome)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("updates", "invitations", "subject", "invited"),
    [
        (True, True, "Delivered: Moka pot", True),
        (True, False, "Delivered: Moka pot", False),
        (False, True, "How do you like it? Moka pot", True),
        (False, False, None, False),
    ],
)
def test_news_and_invitation_go_out_each_to_who_wants_it(updates, invitations, subject, invited):
    owner, (item,) = purchase("Moka pot", status="shipped")
    User.objects.update(wants_order_updates=updates, wants_review_invitations=invitations)
    transition_item(item.pk, to="delivered", actor=owner)

    run_due_jobs()

    assert [message.subject for message in mail.outbox] == ([subject] if subject else [])
    assert ("Write a review" in texts()) is invited


@pytest.mark.django_db
def test_nobody_is_invited_to_review_what_was_refunded():
    owner, (item,) = purchase("Moka pot", status="shipped")
    transition_item(item.pk, to="delivered", actor=owner)
    OrderItem.objects.update(refunded_at=timezone.now())

    run_due_jobs()

    assert [message.subject for message in mail.outbox] == ["Delivered: Moka pot"]
    assert "review" not in texts()


@pytest.mark.django_db
def test_a_member_who_has_left_the_vendor_hears_no_more():
    _, (item,) = purchase("Moka pot", status="pending")
    publish("orders.order_placed", order_id=item.order_id)
    Membership.objects.filter(profile=item.vendor).delete()

    run_due_jobs()

    assert [message.to for message in mail.outbox] == [["ada@example.org"]]


@pytest.mark.django_db
def test_history_tells_nobody_anything():
    long_ago = timezone.now() - timedelta(days=30)
    _, (item,) = purchase("Moka pot", status="delivered", placed_at=long_ago)
    OrderItem.objects.update(shipped_at=long_ago, delivered_at=long_ago)
    Order.objects.update(status="confirmed")

    assert backfill("order-status")[1]["changed"] == 1
    publish("orders.order_placed", order_id=item.order_id)
    publish("orders.item_moved", order_id=item.order_id, item_id=item.pk, to="delivered")
    run_due_jobs()

    assert OrderStatuses.name == "order-status"
    assert not Notice.objects.exists()
    assert not mail.outbox


@pytest.mark.django_db
def test_a_notice_that_could_not_leave_for_days_is_not_sent_any_more():
    owner, (item,) = purchase("Moka pot")
    transition_item(item.pk, to="shipped", actor=owner)
    notice = note_items(item.order_id, "shipped")
    Notice.objects.update(created_at=timezone.now() - timedelta(days=7))
    from orders.notices.sending import send

    assert send(notice.pk) == "too_old"
    assert not mail.outbox


@pytest.mark.django_db
def test_a_title_cannot_break_out_of_the_subject_or_the_html():
    owner, (item,) = purchase("Pot\r\nBcc: all@example.org <script>alert(1)</script>" + "x" * 90)
    transition_item(item.pk, to="shipped", actor=owner)

    run_due_jobs()

    (message,) = mail.outbox
    assert "\n" not in message.subject
    assert message.recipients() == ["ada@example.org"]
    assert "<script>" not in message.alternatives[0].content


@pytest.mark.django_db
def test_the_link_at_the_end_stops_notices_of_its_topic_on_post_alone(client):
    owner, (item,) = purchase("Moka pot")
    transition_item(item.pk, to="shipped", actor=owner)
    run_due_jobs()
    (message,) = mail.outbox
    headers = message.message()
    link = re.fullmatch(r"<https://trust\.example(.+)>", headers["List-Unsubscribe"])[1]
    user = User.objects.get(email="ada@example.org")

    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in message.body
    assert link in message.alternatives[0].content
    assert b"No more e-mails about orders?" in client.get(link).content
    user.refresh_from_db()
    assert user.wants_order_updates
    for _ in range(2):  # no session, no CSRF token: a mail program posts here
        assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    user.refresh_from_db()
    assert (user.wants_order_updates, user.wants_review_invitations) == (False, True)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "W10:1uXyZ:abc", "%ff", "a" * 3_000])
def test_a_link_that_was_not_made_here_leads_nowhere(client, token):
    assert client.post(f"/notices/unsubscribe/?token={token}").status_code == 404


@pytest.mark.django_db
def test_a_link_changed_by_one_character_or_of_somebody_gone_leads_nowhere(client):
    user = UserFactory()
    link = unsubscribe_url(user, "order_updates").removeprefix("https://trust.example")

    assert client.get(link).status_code == 200
    assert client.get(link[:-3] + ("a" if link[-3] != "a" else "b") + link[-2:]).status_code == 404
    Membership.objects.all().delete()
    user.customer_profile.delete()
    user.delete()
    assert client.get(link).status_code == 404


@pytest.mark.django_db
def test_me_says_and_changes_which_notices_come():
    user = UserFactory()
    client = api_client_for(user)

    changed = client.patch("/api/v1/me/", {"notices": {"review_invitations": False}}).json()

    assert changed["notices"] == {"order_updates": True, "review_invitations": False}
    assert client.get("/api/v1/me/").json()["notices"] == changed["notices"]
    for wrong in ("no", [], {"order_updates": "perhaps"}, None):
        assert client.patch("/api/v1/me/", {"notices": wrong}).status_code == 400
