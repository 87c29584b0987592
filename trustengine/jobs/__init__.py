"""Reliable background work: PostgreSQL remembers it, RQ runs it.

``@job`` declares a handler, ``enqueue`` writes a row in the caller's transaction,
``publish`` does so for every handler that ``@subscribe``\\ s to an event. See docs/architecture.md.
"""
