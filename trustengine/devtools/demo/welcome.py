"""What the demo prints: whom to sign in as, and lines to paste into a shell."""

from collections.abc import Iterator

from orders.models import OrderItem, Product
from reviews.models import Review
from reviews.services.purchase import eligibility
from trustengine.accounts.models import User
from trustengine.devtools.demo.accounts import ACCOUNTS

LINES = """
# Write a review as {name}, who has had this since {delivered:%-d %B}: {title}
API={address}/api/v1
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


def summary() -> str:
    """How much there is, in one line."""
    reviews = Review.objects.live()
    return (
        f"demo marketplace: {Product.objects.count()} products, {reviews.count()} reviews, "
        f"{reviews.pending().count()} of them waiting for a decision"
    )


def accounts() -> Iterator[str]:
    """One line per account: name, password and what to try first."""
    for account in ACCOUNTS:
        yield f"  {account.username:<10} {account.password:<16} {account.try_first}"


def first_steps(address: str) -> str:
    """Shell lines that write a review and vote, for purchases that may be reviewed at this moment."""
    customer = User.objects.select_related("customer_profile").get(username="customer")
    lines = ""
    if purchase := _reviewable(customer):
        lines += LINES.format(
            name=customer.customer_profile.display_name,
            delivered=purchase.delivered_at,
            title=purchase.product.title,
            address=address.rstrip("/"),
            product=purchase.product_id,
            order=purchase.order_id,
        )
    if review := Review.objects.public().filter(product__is_active=True).order_by("-helpful_votes").first():
        lines += VOTE.format(review=review.pk)
    return lines.strip("\n")


def _reviewable(customer: User) -> OrderItem | None:
    """Something the customer has received and not reviewed yet; None when all is reviewed."""
    delivered = OrderItem.objects.filter(order__customer__user=customer, delivered_at__isnull=False)
    for item in delivered.select_related("product").order_by("delivered_at", "pk"):
        answer = eligibility(customer, item.product_id)
        if answer["eligible"] and answer["existing_review"] is None:
            return item
    return None
