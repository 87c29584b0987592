"""A person with something in every table, each text of theirs findable."""

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from orders.models import CartItem, Checkout, CheckoutLine, OrderItem, PaymentEvent, Product
from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews.models import Review
from reviews.services import approve_review, cast_vote
from reviews.tests.factories import approved_review, delivered_purchase, moderator
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs

NAME, DISPLAY_NAME = "wilhelmina.login", "Wilhelmina Zauberflöte"
EMAIL, SUBJECT = "wilhelmina@zauber.example", "idp|wilhelmina-4711"
ADDRESS = "203.0.113.77"
TITLE, COMMENT = "Quetzalcoatl title", "Quetzalcoatl comment of mine, mail me: wilhelmina@zauber.example"
SECOND_COMMENT, REFUSED_COMMENT = "Xylophone second thoughts", "Brobdingnagian text that nobody approved"
CARDHOLDER, TRACKING = "W. Zauberfloete-Schikaneder", "JD-PARCEL-0815-4711"

# Parts of every text above, so that a cut one is found too.
TRACES = [
    NAME, "Zauberflöte", EMAIL, SUBJECT, ADDRESS, "Quetzalcoatl", "Xylophone", "Brobdingnagian", "Schikaneder", TRACKING
]  # fmt: skip


def somebody() -> User:
    """Wilhelmina: a customer and a member of staff, with reviews, votes, orders and traces of all kinds."""
    user = UserFactory(
        username=NAME,
        subject=SUBJECT,
        email=EMAIL,
        display_name=DISPLAY_NAME,
        is_staff=True,
        groups=["Moderators"],
        of_age_on=timezone.localdate(),
        last_login=timezone.now(),
    )
    write_reviews(user)
    vote(user)
    buy(user)
    leave_traces(user)
    run_due_jobs()
    call_command("reconcile", "order-status", "--fix", verbosity=0)  # the factories leave orders as they were placed
    return user


def write_reviews(user: User) -> None:
    """One approved with an edit that waits, one rejected, through the API with stored answers."""
    client, decider = api_client_for(user), moderator()
    for number, comment in enumerate([COMMENT, REFUSED_COMMENT]):
        item = delivered_purchase(buyer=user, tracking_number=TRACKING)
        body = {"product": item.product_id, "order": item.order_id, "rating": 4, "title": TITLE, "comment": comment}
        answer = client.post("/api/v1/reviews/", body, headers={"Idempotency-Key": f"review-{number}"})
        assert answer.status_code == 201, answer.json()
        decide = {"path": f"/api/v1/reviews/{answer.json()['id']}/", "approve": number == 0}
        if decide["approve"]:
            approve_review(answer.json()["id"], actor=decider)
            edit = client.patch(decide["path"], {"comment": SECOND_COMMENT}, headers={"Idempotency-Key": "edit"})
            assert edit.status_code == 200
            run_due_jobs()  # it is screened: what was found quotes it
        approved_review(delivered_purchase(product=item.product))  # somebody else's stars stay


def vote(user: User) -> None:
    for helpful in (True, False, True):
        review = approved_review()
        cast_vote(review.pk, voter=user, vote_type="helpful" if helpful else "unhelpful")
        cast_vote(review.pk, voter=UserFactory(), vote_type="helpful")


def buy(user: User) -> None:
    """A cart, a paid order with its checkout, and what the payment provider told of it."""
    customer = user.customer_profile
    CartItem.objects.create(customer=customer, product=ProductFactory(), quantity=1)
    item = OrderItemFactory(order__buyer=user, fulfilment_status="shipped", tracking_number=TRACKING)
    checkout = Checkout.objects.create(
        customer=customer, provider="local", payment_intent_id="pi_wilhelmina_not_a_name", amount_cents=1_999,
        currency="EUR", state="paid", order=item.order, expires_at=timezone.now() + timedelta(minutes=30),
    )  # fmt: skip
    CheckoutLine.objects.create(
        checkout=checkout, product=item.product, vendor=item.vendor, quantity=1, unit_price_cents=1_999
    )
    told = {"data": {"object": {"billing_details": {"name": CARDHOLDER, "email": EMAIL, "address": ADDRESS}}}}
    for number, fields in enumerate([{"checkout": checkout}, {"order": item.order}, {}]):
        PaymentEvent.objects.create(
            id=f"evt_{number}", type="payment_intent.succeeded", payment_intent_id=checkout.payment_intent_id,
            payload=told, state="processed", made_at=timezone.now(), **fields,
        )  # fmt: skip


def leave_traces(user: User) -> None:
    """Failed sign-ins, an error of a job, a session, the console's own log, actions counted without Redis."""
    AccessAttempt.objects.create(
        username=NAME, ip_address=ADDRESS, user_agent="Browser", failures_since_start=3,
        post_data=f"username={NAME}", get_data="", path_info="/admin/login/", http_accept="*/*",
    )  # fmt: skip
    Job.objects.create(
        kind="reviews.fold_votes", key="x", max_attempts=1, attempts=1, state="dead", dead_letter_at=timezone.now(),
        error_details={"type": "ValueError", "message": f"no such user: {EMAIL}", "traceback": f"… {SUBJECT} …"},
    )  # fmt: skip
    about = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(
        user=StaffFactory(), content_type=about, object_id=str(user.pk), object_repr=str(user), action_flag=CHANGE,
        change_message="",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO api_passedactions ("limit", caller, moments) VALUES ('votes', %s, ARRAY[now()])""",
            [str(user.pk)],
        )


def stars_of_others() -> dict[Any, int]:
    """Counted reviews per product that are not Wilhelmina's."""
    counted = Review.objects.counted().exclude(author__subject=SUBJECT)
    return {product.pk: counted.filter(product=product).count() for product in Product.objects.all()}


def parcels() -> int:
    return OrderItem.objects.exclude(tracking_number="").count()
