"""Files that no row names: what crashed between a file and its row has left them behind."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reviews import files
from reviews.models import ReviewPhoto
from reviews.models.photo import FOLDER, THUMBNAIL_ENDING
from trustengine.database_time import database_now

FOLDERS = 256
GRACE = timedelta(hours=24)  # far longer than any upload takes from its file to its row


def folders_of(hour: int) -> list[str]:
    """The folders whose turn it is in this hour of the day: each has one a day."""
    return [f"{FOLDER}/{number:02x}" for number in range(hour % 24, FOLDERS, 24)]


def delete_orphans(folders: Iterable[str], *, now: datetime | None = None) -> int:
    """Delete the files in these folders that belong to no photo and are older than the grace; returns how many."""
    before = (now or database_now()) - GRACE
    deleted = 0
    for folder in folders:
        for name in _without_row(files.names_in(folder)):
            written = files.modified_at(name)
            if written is not None and written < before:
                files.delete(name)
                deleted += 1
    return deleted


def _without_row(names: list[str]) -> list[str]:
    originals = {name: name.replace(THUMBNAIL_ENDING, ".jpg") for name in names}
    known = set(ReviewPhoto.objects.filter(name__in=set(originals.values())).values_list("name", flat=True))
    return [name for name, original in originals.items() if original not in known]
