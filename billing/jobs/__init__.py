from billing.jobs import usage

__all__ = ["usage"]
