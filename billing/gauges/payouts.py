"""What a scrape tells about payouts."""

from django.db.models import Min

from billing.models import PayoutBatch
from trustengine.database_time import database_now
from trustengine.insight import gauge
from trustengine.row_security import Reason, every_row


@gauge("trustengine_payouts_unsettled_seconds", "How long ago the oldest open batch of payouts was exported, or 0.")
def unsettled_payouts() -> float:
    with every_row(Reason.MONITORING):
        waiting = PayoutBatch.objects.filter(state=PayoutBatch.State.EXPORTED)
        oldest = waiting.aggregate(oldest=Min("exported_at"))["oldest"]
    return max(0.0, (database_now() - oldest).total_seconds()) if oldest else 0.0
