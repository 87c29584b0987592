from billing.models.capacity import CapacityLease, CapacityRefusals, ProviderEndpoint
from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction

__all__ = [
    "CapacityLease",
    "CapacityRefusals",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "ProviderEndpoint",
]
