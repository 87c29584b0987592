from typing import Any

from django.core.management.commands import migrate

from trustengine.audit.separation import given_back
from trustengine.database.timeouts import migrating


class Command(migrate.Command):
    """Django's, with time-outs of its own and as the owner of everything.

    Without the checks of the database: it repairs what they find.
    """

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        return super().get_check_kwargs(options) | {"databases": None}

    def handle(self, *args: Any, **options: Any) -> None:
        with given_back(), migrating():
            super().handle(*args, **options)
