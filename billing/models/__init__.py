from billing.models.capacity import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.models.holding import Holding
from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction

__all__ = [
    "CapacityLease",
    "CapacityRefusals",
    "Holding",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "ProviderEndpoint",
]
