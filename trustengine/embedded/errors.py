"""The one error that callers of this package need to know."""


class EmbeddedError(Exception):
    """An embedded server cannot be used; the message is one line that says why and what helps."""
