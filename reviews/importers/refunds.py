from collections.abc import Sequence

from reviews.derivations import follow_refunds, recount_stars
from trustengine.operations.importing import Planned, after_import_of


@after_import_of("order_items")
def take_refunded_reviews_out(planned: Sequence[Planned]) -> None:
    """An import that tells of a refund takes the item's review out of the rating, whether or not it brings reviews."""
    recount_stars(follow_refunds([plan.row["order_item_id"] for plan in planned]))
