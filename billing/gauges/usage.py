"""What a scrape tells about usage."""

from datetime import timedelta

from billing.models import UsageReservation
from trustengine.database_time import database_now
from trustengine.insight import gauge
from trustengine.row_security import Reason, every_row

LEFT_BEHIND = timedelta(minutes=5)


@gauge("trustengine_usage_reservations_left", "Reservations of quota that ended minutes ago and were not given back.")
def reservations_left() -> float:
    with every_row(Reason.MONITORING):
        return UsageReservation.objects.filter(expires_at__lt=database_now() - LEFT_BEHIND).count()
