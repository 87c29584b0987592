"""Evidence files that no row names: what crashed between a file and its row has left them behind."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reports.models import Evidence
from reports.models.report import FOLDER
from reviews import files
from trustengine.database_time import database_now

FOLDERS = 256
GRACE = timedelta(hours=24)  # far longer than any upload takes from its file to its row


def folders_of(hour: int) -> list[str]:
    """The folders whose turn it is in this hour of the day: each has one a day."""
    return [f"{FOLDER}/{number:02x}" for number in range(hour % 24, FOLDERS, 24)]


def delete_orphans(folders: Iterable[str], *, now: datetime | None = None) -> int:
    """Delete the files in these folders that no evidence names and that are older than the grace; returns how many."""
    before = (now or database_now()) - GRACE
    deleted = 0
    for folder in folders:
        names = files.names_in(folder)
        known = set(Evidence.objects.filter(file__in=names).values_list("file", flat=True))
        for name in names:
            written = None if name in known else files.modified_at(name)
            if written is not None and written < before:
                files.delete(name)
                deleted += 1
    return deleted
