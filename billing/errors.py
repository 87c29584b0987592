"""What the rules of billing refuse."""

from trustengine.errors import DomainError, InvalidTransition, PermissionDenied

# Payouts


class NothingDue(InvalidTransition):
    """There is nobody to pay at present. ``skipped`` tells the vendors passed over, with the reason."""

    message = "Nothing is due: whatever is available is in another batch, held, or below the minimum."


class SecondPersonNeeded(PermissionDenied):
    message = "Whoever drafted a batch cannot approve it: somebody else has to."


class PayoutNotCovered(DomainError):
    """What a draft would pay is not all there any more. ``payouts`` names them, each with a reason."""

    status = 409
    code = "INVALID_TRANSITION"
    message = "Refunds, disputes or destinations have changed since the draft: draw it up anew."
