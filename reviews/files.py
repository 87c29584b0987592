"""The storage of uploaded files, local or a bucket: what it cannot do at the moment is to be tried again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from trustengine.errors import TryAgain

logger = structlog.get_logger(__name__)

FAILURES = (OSError, BotoCoreError, ClientError)


def store(name: str, data: bytes) -> None:
    """Keep these bytes under this name, in place of any that are there. Raises TryAgain."""
    with _reachable("store"):
        default_storage.delete(name)  # what a crash left behind would push the new file to another name
        default_storage.save(name, ContentFile(data))


def read(name: str) -> bytes | None:
    """What is kept under this name, or None. Raises TryAgain."""
    with _reachable("read"):
        try:
            with default_storage.open(name) as file:
                data: bytes = file.read()
                return data
        except FileNotFoundError:
            return None


def delete(name: str) -> None:
    """Delete a file; one that is gone is no matter. Raises TryAgain."""
    with _reachable("delete"):
        default_storage.delete(name)


def names_in(folder: str) -> list[str]:
    """The full names of the files in a folder, which need not exist. Raises TryAgain."""
    with _reachable("list"):
        try:
            return sorted(f"{folder}/{name}" for name in default_storage.listdir(folder)[1])
        except FileNotFoundError:
            return []


def modified_at(name: str) -> datetime | None:
    """When a file was written; None if it is gone. Raises TryAgain."""
    with _reachable("look at"):
        return default_storage.get_modified_time(name) if default_storage.exists(name) else None


def signed_url(name: str, *, disposition: str = "") -> str:
    """The address in the bucket under which a file may be read for a while, and how it is then answered."""
    if not disposition:
        return default_storage.url(name)
    bucket: Any = default_storage  # only a bucket's storage knows parameters
    address: str = bucket.url(name, parameters={"ResponseContentDisposition": disposition})
    return address


@contextmanager
def _reachable(doing: str) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        logger.error("storage_failed", doing=doing, error=type(error).__name__, errno=getattr(error, "errno", None))
        raise TryAgain("Files cannot be kept or read at the moment. Please try again.") from error
