"""Which job runs here: for whatever tells of it, and as the idempotency key for effects outside the database."""

import contextvars
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_current: contextvars.ContextVar[uuid.UUID | None] = contextvars.ContextVar("current_job", default=None)


def current_job_id() -> uuid.UUID | None:
    """The job that is running here, or the first of those that run as one; None outside of jobs."""
    return _current.get()


@contextmanager
def running(job_id: uuid.UUID, kind: str) -> Iterator[None]:
    """Let the block be this job's, in the log's lines, too."""
    token = _current.set(job_id)
    structlog.contextvars.bind_contextvars(job_id=str(job_id), job_kind=kind)
    try:
        yield
    finally:
        _current.reset(token)
        structlog.contextvars.unbind_contextvars("job_id", "job_kind")
