from billing.models.holding import Holding
from billing.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction

__all__ = ["Holding", "LedgerAccount", "LedgerEntry", "LedgerTransaction"]
