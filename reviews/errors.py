"""What the rules of reviews refuse."""

from trustengine.errors import DomainError


class InvalidRating(DomainError):
    code = "INVALID_RATING"
    message = "A rating is a whole number of stars from 1 to 5."


class InvalidVoteType(DomainError):
    code = "INVALID_VOTE_TYPE"
    message = "A vote is either helpful or unhelpful."


class PurchaseNotVerified(DomainError):
    """The same answer for an order that is unknown, somebody else's, or of another product."""

    status = 403
    code = "PURCHASE_NOT_VERIFIED"
    message = "We found no purchase of this product in this order of yours."


class ConflictOfInterest(DomainError):
    status = 403
    code = "CONFLICT_OF_INTEREST"
    message = "You belong to the vendor of this product."


class SelfVoteProhibited(DomainError):
    status = 403
    code = "SELF_VOTE_PROHIBITED"
    message = "You cannot vote on your own review."


class OrderNotDelivered(DomainError):
    status = 409
    code = "ORDER_NOT_DELIVERED"
    message = "You can review this once it has been delivered."


class PurchaseRefunded(DomainError):
    status = 409
    code = "PURCHASE_REFUNDED"
    message = "This purchase has been refunded."


class ReviewPeriodExpired(DomainError):
    status = 409
    code = "REVIEW_PERIOD_EXPIRED"
    message = "The time for reviewing this purchase is over."


class ReviewNotFound(DomainError):
    status = 404
    code = "REVIEW_NOT_FOUND"
    message = "There is no such review."


class ReviewDeleted(DomainError):
    status = 410
    code = "REVIEW_DELETED"
    message = "This review has been withdrawn by its author."


class ReviewNotApproved(DomainError):
    status = 409
    code = "REVIEW_NOT_APPROVED"
    message = "This review is not public yet."


class CaseChanged(DomainError):
    status = 409
    code = "CASE_CHANGED"
    message = "This has changed since you opened it. Please look again."


class FileTooLarge(DomainError):
    status = 413
    code = "FILE_TOO_LARGE"
    message = "The file is larger than allowed."


class FileTypeNotAllowed(DomainError):
    status = 415
    code = "FILE_TYPE_NOT_ALLOWED"
    message = "Only JPEG, PNG, WebP, HEIC and AVIF pictures are taken. This file is none of them, or is not whole."
