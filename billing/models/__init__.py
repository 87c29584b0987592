from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.payout import Payout, PayoutBatch, PayoutDestination, PayoutLine, PayoutSkip

__all__ = [
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Payout",
    "PayoutBatch",
    "PayoutDestination",
    "PayoutLine",
    "PayoutSkip",
]
