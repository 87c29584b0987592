from billing.models.capacity import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.models.holding import Holding
from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.payout import Payout, PayoutBatch, PayoutDestination, PayoutLine, PayoutSkip

__all__ = [
    "CapacityLease",
    "CapacityRefusals",
    "Holding",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Payout",
    "PayoutBatch",
    "PayoutDestination",
    "PayoutLine",
    "PayoutSkip",
    "ProviderEndpoint",
]
