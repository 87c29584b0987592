import os
import tempfile
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from trustengine.accounts.exporting import export_of
from trustengine.accounts.finding import NobodyMeant, user_meant

UNUSABLE = 2

EXAMPLES = """
examples:
  manage.py export_user 0190c1…                        to the terminal
  manage.py export_user ada@example.org --output ada.json

The document is {"version", "user", "sections": {NAME: [ROW, …]}}, in UTF-8. A file
appears whole or not at all: after an interruption run the command again, which gives
the same document as long as nothing has changed. Memory does not grow with its size.

exit codes: 0 done; 2 no such user, or the file cannot be written
"""


class Command(BaseCommand):
    help = "Write everything held about a user as one JSON document, as GET me/export/ answers it."

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="an id, subject, username or e-mail address")
        parser.add_argument("--output", metavar="FILE", type=Path, help="a file to write, readable by its owner only")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = user_meant(options["user"])
        except NobodyMeant as problem:
            raise CommandError(str(problem), returncode=UNUSABLE) from None
        if options["output"] is None:
            for piece in export_of(user):
                self.stdout.write(piece, ending="")
            return
        try:
            size = write_whole(options["output"], export_of(user))
        except OSError as error:
            raise CommandError(f"cannot write {options['output']}: {error.strerror}", returncode=UNUSABLE) from error
        self.stderr.write(f"{options['output']}: {size:,} bytes")


def write_whole(path: Path, pieces: Any) -> int:
    """Put the pieces into a file beside ``path``, and in its place once all are on the disk; returns the bytes."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        size = draft.stat().st_size
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return size
