"""A person with something in every table, each text of theirs findable."""

import time
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited
from orders.models import (
    CartItem,
    Checkout,
    CheckoutLine,
    Dispute,
    Notice,
    NoticeItem,
    OrderItem,
    PaymentEvent,
    Product,
    Refund,
    RefundLine,
    RefundTotal,
)
from orders.tests.factories import OrderItemFactory, ProductFactory
from reports.models import Evidence, Report
from reports.services.appeals import appeal, rule
from reports.services.evidence import add_evidence
from reports.services.reporting import submit_report
from reports.services.statements import deliver
from reports.tests.factories import decided, senior
from reviews.models import Review, ReviewPhoto
from reviews.services import (
    approve_reply,
    approve_review,
    cast_vote,
    lift_restriction,
    restrict_review,
    write_reply,
)
from reviews.tests.factories import approved_review, delivered_purchase, moderator
from reviews.tests.pictures import picture, upload
from trustengine.accounts import totp
from trustengine.accounts.models import Membership, User
from trustengine.accounts.refresh_tokens import renew
from trustengine.accounts.second_factor import add_passkey, add_totp
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory
from trustengine.accounts.tokens import issue
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs

NAME, DISPLAY_NAME = "wilhelmina.login", "Wilhelmina Zauberflöte"
EMAIL, SUBJECT = "wilhelmina@zauber.example", "idp|wilhelmina-4711"
ADDRESS = "203.0.113.77"
TITLE, COMMENT = "Quetzalcoatl title", "Quetzalcoatl comment of mine, mail me: wilhelmina@zauber.example"
SECOND_COMMENT, REFUSED_COMMENT = "Xylophone second thoughts", "Brobdingnagian text that nobody approved"
REPORTED, APPEALED = "Jabberwock insulted my family", "Bandersnatch: you are wrong about me"
QUOTED = "Quetzalcoatl, says W. Zauberflöte"  # in the words of others
CARDHOLDER, TRACKING = "W. Zauberfloete-Schikaneder", "JD-PARCEL-0815-4711"

# Parts of every text above, so that a cut one is found too.
TRACES = [
    NAME, "Zauberflöte", EMAIL, SUBJECT, ADDRESS, "Quetzalcoatl", "Xylophone", "Brobdingnagian", "Schikaneder",
    TRACKING, "Jabberwock", "Bandersnatch",
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
    sell(user)
    use(user)
    be_reported(user)
    report(user)
    leave_traces(user)
    sign_in(user)
    run_due_jobs()
    # The factories leave orders as they were placed, and tell nobody of them.
    call_command("reconcile", "order-status", "ledger", "--fix", verbosity=0)
    return user


def sign_in(user: User) -> None:
    """With a second factor, a passkey that is named after them, and a token that was renewed."""
    secret = totp.new_secret()
    add_totp(user, secret, totp.code_at(secret, time.time()))
    add_passkey(user, name=f"{NAME}’s key", credential_id=b"key", credential=b"credential", sign_count=0)
    renew(issue(User.objects.get(pk=user.pk), by_second_factor=True).refresh)
    user.refresh_from_db()


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
            photo(client, decide["path"])
            run_due_jobs()  # it is screened: what was found quotes it
            reply_to(answer.json()["id"])
        approved_review(delivered_purchase(product=item.product))  # somebody else's stars stay


def photo(client: Any, path: str) -> None:
    answer = client.post(f"{path}photos/", {"photo": upload(picture())}, format="multipart")
    assert answer.status_code == 201, answer.content


def reply_to(review_id: str) -> None:
    """The vendor answers her by name, and changes that."""
    review = Review.objects.get(pk=review_id)
    member = MembershipFactory(profile=review.product.vendor, role="manager").user
    reply = write_reply(review.pk, member=member, text=f"Thank you, {DISPLAY_NAME}!").reply
    approve_reply(reply.pk, actor=moderator())
    write_reply(review.pk, member=member, text=f"Dear {DISPLAY_NAME}, you say {QUOTED}.")


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

    refund = Refund.objects.create(order=item.order, amount_cents=100, currency="EUR", reason="operator")
    RefundLine.objects.create(refund=refund, item=item, amount_cents=100)
    RefundTotal.objects.create(checkout=checkout, total_cents=100, received_at=timezone.now())
    Dispute.objects.create(id="dp_1", order=item.order, reason="fraudulent", opened_at=timezone.now())


def use(user: User) -> None:
    """A plan of her own, of which nearly all is used."""
    profile = user.customer_profile
    limited(profile, uploaded_pages=("soft", 10))
    record_events([event(profile, quantity=9, meter="uploaded_pages")])


def sell(user: User) -> None:
    """In the name of a vendor, whose words stay."""
    review = approved_review()
    Membership.objects.create(user=user, profile=review.product.vendor, role=Membership.Role.MANAGER)
    write_reply(review.pk, member=user, text="We shall repair it.")
    paid = OrderItemFactory(product=review.product)
    notice = Notice.objects.create(kind="new_items", order=paid.order, recipient=user)
    NoticeItem.objects.create(notice=notice, item=paid, kind="new_items", recipient=user)


def be_reported(user: User) -> None:
    """Others report her review and its reply, with a file; one decision she was told of, and one is proposed."""
    review = Review.objects.get(author=user, status="approved")
    restrict_review(review.pk, actor=moderator(), ground="manipulated_rating")
    lift_restriction(review.pk, actor=moderator())
    first = complain(UserFactory(), "review", review.pk)
    warned = decided(first.case, "warn", "offensive", note=f"Note: {QUOTED}", facts=f"Facts: {QUOTED}")
    deliver(warned.pk)
    appeal(warned.pk, appellant=user, text=APPEALED)
    run_due_jobs()
    second = complain(UserFactory(), "review", review.pk)
    complain(UserFactory(), "reply", review.reply.pk)
    decided(second.case, "suspend", "illegal", note=f"Proposal: {QUOTED}", facts=QUOTED)


def report(user: User) -> None:
    """Three of others' reviews: one report waits, one was dismissed, and she appealed in vain against that."""
    complain(user, "review", approved_review().pk, REPORTED)
    dismissed = decided(complain(user, "review", approved_review().pk, REPORTED).case, "dismiss", "no_violation")
    deliver(dismissed.pk)
    made = appeal(dismissed.pk, appellant=user, text=APPEALED)
    rule(made.pk, moderator=senior(), ruling="uphold", text=f"No, {DISPLAY_NAME}: it stays.")


def complain(reporter: User, content_type: str, content_id: Any, words: str = QUOTED) -> Report:
    made = submit_report(
        reporter=reporter, content_type=content_type, content_id=content_id, reason="offensive", description=words
    )
    file = upload(picture("PNG"), "evidence.png", "image/png")
    add_evidence(made.pk, reporter=reporter, file=file, size=file.size)
    return made


def files_about(user: User) -> list[str]:
    """What the storage holds of her: photos, and the evidence in her reports and in those of her review."""
    photos = [name for each in ReviewPhoto.objects.filter(review__author=user) for name in each.files]
    return [*photos, *Evidence.objects.values_list("file", flat=True)]


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
