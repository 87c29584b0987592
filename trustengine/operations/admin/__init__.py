"""Pages for operators: jobs, their errors and the workers that run them, and the runs of long commands."""

from trustengine.operations.admin import jobs, queues, runs

__all__ = ["jobs", "queues", "runs"]
