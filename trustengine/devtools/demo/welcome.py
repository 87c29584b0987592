"""What the demo prints: whom to sign in as, and lines to paste into a shell."""

import sys
from collections.abc import Iterator
from shlex import quote

from django.conf import settings

from orders.models import OrderItem, Product
from reports.models import Case
from reviews.models import Review
from reviews.services.purchase import eligibility
from trustengine.accounts.models import User
from trustengine.devtools.demo.accounts import ACCOUNTS

LINES = """
# Write a review as {name}, who has had this since {delivered:%-d %B}: {title}
TOKEN=$(curl -s $API/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"username": "customer", "password": "demo-customer"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access"])')
curl -s "$API/reviews/eligibility/?product={product}" -H "Authorization: Bearer $TOKEN"; echo
curl -s $API/reviews/ -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"product": "{product}", "order": "{order}", "rating": 4, "comment": "Does what it should."}}'; echo
curl -s $API/me/reviews/ -H "Authorization: Bearer $TOKEN"; echo
"""

VOTE = """
# Vote as the second customer; the totals follow within two seconds
TOKEN2=$(curl -s $API/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"username": "customer2", "password": "demo-customer2"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access"])')
curl -s -X PUT $API/reviews/{review}/vote/ -H "Authorization: Bearer $TOKEN2" \\
  -H 'Content-Type: application/json' -d '{{"vote_type": "helpful"}}'; echo
"""

BUY = """
# Buy something as {name}: the payment provider is played by a command; the order is there within a second
curl -s -X PUT $API/cart/items/{product}/ -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' -d '{{"quantity": 1}}'; echo
INTENT=$(curl -s -X POST $API/checkout/ -H "Authorization: Bearer $TOKEN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["payment_intent_id"])')
DATA_DIR={data_dir} {python} manage.py send_payment_event payment_intent.succeeded --intent $INTENT --url {address}
sleep 1; curl -s $API/orders/ -H "Authorization: Bearer $TOKEN" | head -c 400; echo
"""

REPORT = """
# Report that review as the second customer; moderators find it among their cases
curl -s $API/reports/ -H "Authorization: Bearer $TOKEN2" -H 'Content-Type: application/json' \\
  -d '{{"content_type": "review", "content_id": "{review}", "reason": "fake"}}'; echo
TOKEN3=$(curl -s $API/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"username": "moderator", "password": "demo-moderator"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access"])')
curl -s "$API/moderation/cases/?queue=reports" -H "Authorization: Bearer $TOKEN3" | head -c 600; echo
"""

SELL = """
# Look at the shop as its owner, in a browser at {address}/vendor/dashboard/ (vendor, demo-vendor), or here
TOKEN4=$(curl -s $API/auth/token/ -H 'Content-Type: application/json' \\
  -d '{{"username": "vendor", "password": "demo-vendor"}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access"])')
curl -s $API/vendor/dashboard/ -H "Authorization: Bearer $TOKEN4" | head -c 600; echo
curl -s $API/billing/usage/ -H "Authorization: Bearer $TOKEN4"; echo
"""


def summary() -> str:
    """How much there is, in one line."""
    reviews = Review.objects.live()
    return (
        f"demo marketplace: {Product.objects.count()} products, {reviews.count()} reviews, "
        f"{reviews.pending().count()} of them waiting for a decision, {Case.objects.open().count()} open cases"
    )


def accounts() -> Iterator[str]:
    """One line per account: name, password and what to try first."""
    for account in ACCOUNTS:
        yield f"  {account.username:<10} {account.password:<16} {account.try_first}"


def first_steps(address: str) -> str:
    """Shell lines for each kind of user, for what may be reviewed and bought at this moment."""
    customer = User.objects.select_related("customer_profile").get(username="customer")
    lines = f"\nAPI={address.rstrip('/')}/api/v1\n"
    if purchase := _reviewable(customer):
        lines += LINES.format(
            name=customer.customer_profile.display_name,
            delivered=purchase.delivered_at,
            title=purchase.product.title,
            address=address.rstrip("/"),
            product=purchase.product_id,
            order=purchase.order_id,
        )
        if product := _purchasable(customer):
            lines += BUY.format(
                name=customer.customer_profile.display_name,
                product=product.pk,
                address=address.rstrip("/"),
                data_dir=quote(str(settings.DATA_DIR.resolve())),
                python=quote(sys.executable),
            )
    if review := Review.objects.public().filter(product__is_active=True).order_by("-helpful_votes").first():
        lines += VOTE.format(review=review.pk) + REPORT.format(review=review.pk)
    lines += SELL.format(address=address.rstrip("/"))
    return lines.strip("\n")


def _purchasable(customer: User) -> Product | None:
    """Something that may be bought at this moment, and not of the customer's own."""
    active = Product.objects.filter(is_active=True, stock=None).exclude(vendor__memberships__user=customer)
    return active.order_by("price_cents", "pk").first()


def _reviewable(customer: User) -> OrderItem | None:
    """Something the customer has received and not reviewed yet; None when all is reviewed."""
    delivered = OrderItem.objects.filter(order__customer__user=customer, delivered_at__isnull=False)
    for item in delivered.select_related("product").order_by("delivered_at", "pk"):
        answer = eligibility(customer, item.product_id)
        if answer["eligible"] and answer["existing_review"] is None:
            return item
    return None
