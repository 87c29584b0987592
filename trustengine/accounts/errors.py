"""Why somebody is not let in, and what the rules of membership refuse."""

from trustengine.errors import DomainError, InvalidTransition


class AuthRequired(DomainError):
    status = 401
    code = "AUTH_REQUIRED"
    message = "Please sign in."

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="api"'})


class SecondFactorRequired(AuthRequired):
    """The password is right, and not enough."""

    code = "SECOND_FACTOR_REQUIRED"
    message = "Send “otp” as well: a code of the authenticator app, or a recovery code."


class WrongCode(SecondFactorRequired):
    message = "The code is wrong, or it was used before. Wait for the next one."


class NotEnrolled(SecondFactorRequired):
    message = "This account needs a second factor. Sign in to the console, which sets one up."


class TokenInvalid(DomainError):
    """A token that is not believed. ``reason`` is for the log; the bearer is told only what helps an honest one."""

    status = 401
    code = "TOKEN_INVALID"
    message = "The token is not valid."

    def __init__(self, reason: str, message: str = "") -> None:
        self.reason = reason
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'})


class LastOwner(InvalidTransition):
    message = "A profile keeps at least one owner."


class ErasureHindered(InvalidTransition):
    message = "This account cannot be erased yet: others depend on it."
