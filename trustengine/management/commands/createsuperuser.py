import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from trustengine.accounts.models import User

BAD_ARGUMENTS = 2
USERNAME_VARIABLE, EMAIL_VARIABLE = "DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL"
PASSWORD_VARIABLE = "DJANGO_SUPERUSER_PASSWORD"


class Command(createsuperuser.Command):
    """Django's, which knows no address where users need none, and without a terminal takes any password."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", help="their address; together with --username")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"] or os.environ.get(EMAIL_VARIABLE, "")
        username = options["username"] or os.environ.get(USERNAME_VARIABLE, "")
        if options["email"] and not username:
            raise CommandError("--email needs --username", returncode=BAD_ARGUMENTS)
        if email:
            try:
                validate_email(email)
            except ValidationError as error:
                raise CommandError("--email: not an address", returncode=BAD_ARGUMENTS) from error
        if not options["interactive"] and PASSWORD_VARIABLE in os.environ:
            _require_good_password(os.environ[PASSWORD_VARIABLE], User(username=username, email=email))
        super().handle(*args, **options)
        if email and username:
            User.objects.using(options["database"]).filter(username=username).update(email=email)


def _require_good_password(password: str, user: User) -> None:
    """Ask the validators, as the prompt does. Raises CommandError."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(f"{PASSWORD_VARIABLE}: {' '.join(error.messages)}", returncode=BAD_ARGUMENTS) from error
