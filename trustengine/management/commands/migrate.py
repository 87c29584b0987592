from typing import Any

from django.core.management.commands import migrate

from trustengine.database.timeouts import migrating


class Command(migrate.Command):
    """Django's, with time-outs of its own, and without the checks of the database: it repairs what they find."""

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[str, Any]:
        return super().get_check_kwargs(options) | {"databases": None}

    def handle(self, *args: Any, **options: Any) -> None:
        with migrating():
            super().handle(*args, **options)
