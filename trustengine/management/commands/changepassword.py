import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from trustengine.accounts.models import User
from trustengine.audit.services import record


class Command(changepassword.Command):
    """Django's, which asks the validators but leaves no audit entry."""

    def handle(self, *args: Any, **options: Any) -> Any:
        said = super().handle(*args, **options)
        user = User.objects.using(options["database"]).get(username=options["username"] or getpass.getuser())
        record("user.password_set", user, after={"usable": True}, reason="changepassword_command")
        return said
