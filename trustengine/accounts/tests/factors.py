"""Second factors for tests: users who have them, and the codes that their phones show."""

import time

from trustengine.accounts import totp
from trustengine.accounts.models import SecondFactor, User
from trustengine.accounts.second_factor import add_totp


class Phone:
    """An authenticator app with one secret."""

    def __init__(self, secret: bytes | None = None) -> None:
        self.secret = secret or totp.new_secret()

    def code(self, *, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return totp.code_at(self.secret, time.time() + steps * totp.STEP_SECONDS)

    def wrong_code(self) -> str:
        near = {self.code(steps=steps) for steps in range(-3, 4)}
        return next(code for digit in range(10) if (code := str(digit) * totp.DIGITS) not in near)


def enrol(user: User) -> tuple[Phone, list[str]]:
    """Set up an authenticator app for a user; returns it, its present code still good, and the recovery codes."""
    phone = Phone()
    codes = add_totp(user, phone.secret, phone.code())
    SecondFactor.objects.filter(pk=user.pk).update(totp_step=0)
    user.refresh_from_db()
    return phone, codes
