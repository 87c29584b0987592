"""Pages for operators: jobs, their errors, and the workers that run them."""

from trustengine.operations.admin import jobs

__all__ = ["jobs"]
