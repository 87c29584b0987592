import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from trustengine.accounts.models import User

BAD_ARGUMENTS = 2
USERNAME_VARIABLE, EMAIL_VARIABLE = "DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_EMAIL"


class Command(createsuperuser.Command):
    """Django's, which knows of an address only where every user needs one."""

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
        super().handle(*args, **options)
        if email and username:
            User.objects.using(options["database"]).filter(username=username).update(email=email)
