from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from trustengine.static_files import collect


class Command(BaseCommand):
    help = "Compress and name the static files of the installed packages, unless that is done. `up` does it, too."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        done = collect(settings.STATIC_ROOT)
        self.stdout.write(f"{'collected' if done else 'found'} {settings.STATIC_ROOT}")
