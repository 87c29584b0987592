"""What happens around every ``manage.py`` command.

- Wrong settings become one line and exit code 2.
- Where no URL names a database or a Redis, the embedded servers of ``DATA_DIR`` run
  while the command does, and their schema is brought up to date first, so that any
  command works as the very first one on an empty directory.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from trustengine.embedded import EmbeddedError
from trustengine.embedded.parent_death import SUPERVISED
from trustengine.embedded.sharing import servers_for_command
from trustengine.environment import SettingError
from trustengine.operations.schema import SchemaTooNew, bring_up_to_date, compare_schema

UNUSABLE = 2  # settings, data directory or database cannot be used
INTERRUPTED = 130

# Commands that work without a database, or bring their own servers as `up` does.
WITHOUT_SERVERS = {
    "bench",  # on servers of its own
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "spectacular",
    "startapp",
    "up",
    "version",
}
# Commands that serve requests or jobs, for as long as they run: the role's time-outs hold for them.
SERVING = {"runserver", "scheduler", "worker"}
# Commands about the schema itself, which must find it as it is.
WITHOUT_MIGRATION = {
    "check",
    "dbshell",
    "makemigrations",
    "migrate",
    "optimizemigration",
    "showmigrations",
    "squashmigrations",
}


def run(argv: Sequence[str]) -> int:
    """Run one management command and return its exit code."""
    arguments = list(argv)
    _apply_data_dir(arguments)
    try:
        with _servers(arguments), _timeouts(arguments):
            return _execute(arguments)
    except (SettingError, EmbeddedError, SchemaTooNew) as error:
        return _complain(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _apply_data_dir(argv: Sequence[str]) -> None:
    """Let ``up --data-dir DIR`` speak before the settings are read, which depend on it."""
    if argv[1:2] == ["up"]:
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        parser.add_argument("--data-dir")
        try:
            given = parser.parse_known_args(argv[2:])[0].data_dir
        except argparse.ArgumentError:
            return  # the command's own parser will say so
        if given:
            os.environ["DATA_DIR"] = given


@contextmanager
def _servers(argv: Sequence[str]) -> Iterator[None]:
    """The embedded servers that the command needs, with an up-to-date schema."""
    name = argv[1] if len(argv) > 1 else "help"
    if os.environ.get(SUPERVISED) == "1" or _needs_no_servers(name, argv):
        yield
        return
    import django
    from django.conf import settings
    from django.core.management import get_commands

    django.setup()
    if name not in get_commands():
        yield  # Django says so, perhaps with a better spelling
        return
    postgres, redis = not settings.DATABASE_URL, not settings.REDIS_URL
    with servers_for_command(settings.DATA_DIR, postgres=postgres, redis=redis, command=name):
        if postgres and name not in WITHOUT_MIGRATION:
            _migrate(settings.DATA_DIR)
        try:
            yield
        finally:
            _close_connections()


def _timeouts(argv: Sequence[str]) -> AbstractContextManager[None]:
    """Time-outs that the command's transactions state: those of long work, unless it serves others."""
    from trustengine.database.timeouts import long_running

    name = argv[1] if len(argv) > 1 else "help"
    return nullcontext() if name in SERVING or (name != "up" and _needs_no_servers(name, argv)) else long_running()


def _needs_no_servers(name: str, argv: Sequence[str]) -> bool:
    if name == "check" and any(argument.startswith("--database") for argument in argv):
        return False
    return name.startswith("-") or name in WITHOUT_SERVERS or not {"-h", "--help", "--version"}.isdisjoint(argv)


def _execute(argv: list[str]) -> int:
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(argv)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
            return 1
        return leaving.code or 0
    except OperationalError as error:
        if not _is_unreachable():
            raise
        return _complain(f"the database cannot be reached: {_first_line(error)}")
    except ProgrammingError as error:
        if not _is_behind():
            raise
        return _complain(f"the database's schema is behind the code: run manage.py migrate ({_first_line(error)})")
    except BrokenPipeError:
        # The reader of our output has left, as `head` does. Nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _migrate(data_dir: Path) -> None:
    from django.db import DatabaseError

    try:
        bring_up_to_date(data_dir)
    except DatabaseError as error:
        raise EmbeddedError(f"the schema cannot be brought up to date: {_first_line(error)}") from error


def _is_behind() -> bool:
    from django.db import DatabaseError

    try:
        return bool(compare_schema().pending)
    except DatabaseError:
        return False


def _is_unreachable() -> bool:
    from django.db import DatabaseError, connection

    try:
        connection.close()
        connection.ensure_connection()
    except DatabaseError:
        return True
    return False


def _close_connections() -> None:
    """Close what the command has left open, so that the servers can stop at once."""
    from django.db import connections

    connections.close_all()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _complain(problem: object) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return UNUSABLE
