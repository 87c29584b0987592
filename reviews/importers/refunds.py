from collections.abc import Sequence

from reviews.derivations import follow_refunds, recount_stars
from reviews.jobs import recompute_reputations
from reviews.models import Review
from reviews.ratings import note_told
from reviews.trends import refresh
from trustengine.bulk import Among
from trustengine.jobs.services import enqueue
from trustengine.operations.importing import Planned, after_import_of


@after_import_of("order_items")
def take_refunded_reviews_out(planned: Sequence[Planned]) -> None:
    """An import that tells of a refund takes the item's review out of the rating, whether or not it brings reviews."""
    products = follow_refunds([plan.row["order_item_id"] for plan in planned])
    recount_stars(products)
    note_told(products)
    refresh({plan.state["product_id"] for plan in planned} | products)
    if products:
        items = [plan.row["order_item_id"] for plan in planned]
        authors = Review.objects.filter(Among("order_item", items)).values_list("author", flat=True)
        enqueue(recompute_reputations, users=sorted(set(authors)))
