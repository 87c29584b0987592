from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.plan import Plan, PlanMeter, PlanVersion, Subscription
from billing.models.usage import UsageAlert, UsageEvent, UsagePeriod, UsageReservation

__all__ = [
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Plan",
    "PlanMeter",
    "PlanVersion",
    "Subscription",
    "UsageAlert",
    "UsageEvent",
    "UsagePeriod",
    "UsageReservation",
]
