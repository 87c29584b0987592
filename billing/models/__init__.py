from billing.models.capacity import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.models.holding import Holding
from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.payout import DestinationChange, Payout, PayoutBatch, PayoutDestination, PayoutLine, PayoutSkip
from billing.models.plan import Plan, PlanMeter, PlanVersion, Subscription
from billing.models.usage import UsageAlert, UsageEvent, UsagePeriod, UsageReservation

__all__ = [
    "CapacityLease",
    "CapacityRefusals",
    "DestinationChange",
    "Holding",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Payout",
    "PayoutBatch",
    "PayoutDestination",
    "PayoutLine",
    "PayoutSkip",
    "Plan",
    "PlanMeter",
    "PlanVersion",
    "ProviderEndpoint",
    "Subscription",
    "UsageAlert",
    "UsageEvent",
    "UsagePeriod",
    "UsageReservation",
]
