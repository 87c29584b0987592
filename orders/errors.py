"""What the rules of catalogue, checkout and payments refuse."""

from typing import Any

from trustengine.errors import DomainError, TryAgain


class OutOfStock(DomainError):
    status = 409
    code = "OUT_OF_STOCK"
    message = "There are not enough pieces left."


class ProductInactive(DomainError):
    status = 409
    code = "PRODUCT_INACTIVE"
    message = "This product is no longer offered."


class ContentRemoved(DomainError):
    """What a takedown leaves: that it happened, when, and on which ground."""

    status = 410
    code = "CONTENT_REMOVED"
    message = "This product has been taken down by a moderator."

    def __init__(self, removed: dict[str, Any]) -> None:
        super().__init__(ground=removed["ground"], removed=removed)


class InvalidSignature(DomainError):
    status = 400
    code = "INVALID_SIGNATURE"
    message = "The signature does not fit this body, or is too old or too new."


class ProviderAway(TryAgain):
    """The payment provider cannot be reached, or does not work. Nothing is known about the call's effect."""

    message = "The payment provider cannot be reached. Please try again."

    def __init__(self, message: str = "") -> None:
        super().__init__(message, retry_after=5)


class ProviderRefused(DomainError):
    """The payment provider will not do this, however often it is asked. ``reason`` is its code."""

    message = "The payment provider refuses this payment."

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        self.reason = reason
        super().__init__(message)
