"""The outbox: mails as files under the data directory, for trials without a mail server.

One file is one mail, named by the time it was written, so names sort by age. Mails hold
addresses and single-use links: files are readable by their owner only and go after
``KEPT_DAYS``.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage as ParsedMessage
from email.policy import default as modern
from email.utils import getaddresses
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

KEPT_DAYS = 7


class OutboxBackend(BaseEmailBackend):
    """Write each mail to a file of its own, whole or not at all."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = [mail for mail in email_messages if mail.recipients()]
        for mail in sent:
            _write(mail.message().as_bytes())
        return len(sent)


def folder() -> Path:
    """The directory of the outbox; it may not exist yet."""
    return Path(settings.DATA_DIR) / "outbox"


def mails(*, to: str = "") -> Iterator[ParsedMessage]:
    """The mails in the outbox, oldest first; ``to`` keeps those to one address, in any case."""
    for file in _files():
        try:
            mail = message_from_bytes(file.read_bytes(), policy=modern)
        except FileNotFoundError:  # pruned meanwhile
            continue
        if not to or to.casefold() in _recipients(mail):
            yield mail


def readable(mail: ParsedMessage) -> str:
    """A mail as a person reads it: its headers, and its text decoded."""
    headers = [f"{name}: {value}" for name, value in mail.items()]
    body = mail.get_body(preferencelist=("plain", "html"))
    text = body.get_content() if body is not None else ""
    attached = [f"[attached: {part.get_filename() or part.get_content_type()}]" for part in mail.iter_attachments()]
    return "\n".join([*headers, "", text.rstrip("\n"), *attached])


def prune() -> int:
    """Delete mails older than ``KEPT_DAYS`` days and return how many; the machine's clock judges, as it dated them."""
    oldest = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).timestamp()
    old = [file for file in _files() if file.stat().st_mtime < oldest]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def _write(content: bytes) -> None:
    directory = folder()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=directory, prefix=".", suffix=".draft")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.eml"
        Path(draft).rename(directory / name)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _files() -> list[Path]:
    return sorted(folder().glob("*.eml"))


def _recipients(mail: ParsedMessage) -> set[str]:
    lines = [str(line) for name in ("to", "cc") for line in mail.get_all(name, [])]
    return {address.casefold() for _, address in getaddresses(lines)}
