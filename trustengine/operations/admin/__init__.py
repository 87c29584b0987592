"""What operators look at."""

from trustengine.operations.admin import runs

__all__ = ["runs"]
