from billing.usage_reconciler import Usage

__all__ = ["Usage"]
