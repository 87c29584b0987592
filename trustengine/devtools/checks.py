"""Demo data that must not be where others can reach it."""

from typing import Any

from django.contrib.auth.hashers import check_password
from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, InterfaceError

from trustengine.accounts.models import User
from trustengine.devtools.demo.accounts import ACCOUNTS


@checks.register(checks.Tags.security, deploy=True)
def demo_accounts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """No account has the password that the demo gave it. Says nothing where the database cannot be asked."""
    passwords = {account.username: account.password for account in ACCOUNTS}
    try:
        found = list(User.objects.filter(username__in=passwords, is_active=True).order_by("username"))
    except (DatabaseError, InterfaceError):
        return []
    names = {str(user.username): user.password for user in found}
    open_to_all = [name for name, stored in names.items() if check_password(passwords[name], stored)]
    if not open_to_all:
        return []
    problem = f"Demo accounts with passwords that everybody knows: {', '.join(open_to_all)}."
    hint = "Give them other passwords (manage.py changepassword NAME), or begin with an empty database."
    return [checks.Warning(problem, hint=hint, id="devtools.W001")]
