"""What the rules of catalogue, checkout and payments refuse."""

from trustengine.errors import DomainError


class OutOfStock(DomainError):
    status = 409
    code = "OUT_OF_STOCK"
    message = "There are not enough pieces left."


class ProductInactive(DomainError):
    status = 409
    code = "PRODUCT_INACTIVE"
    message = "This product is no longer offered."


class InvalidSignature(DomainError):
    status = 400
    code = "INVALID_SIGNATURE"
    message = "The signature does not fit this body, or is too old or too new."
