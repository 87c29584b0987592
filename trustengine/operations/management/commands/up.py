import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from trustengine.database.timeouts import timeout_problems
from trustengine.embedded import EmbeddedError
from trustengine.embedded.servers import EmbeddedServers
from trustengine.operations.console import SteadyOutput, Stopped, StopSignals
from trustengine.operations.readiness import web_address
from trustengine.operations.startup import (
    CannotStart,
    check_data_dir,
    check_port,
    prepare_database,
    redis_problem,
    require_loopback,
    role_problem,
    take_data_dir,
)
from trustengine.operations.supervisor import Plan, Supervisor
from trustengine.static_files import collect

UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Run the whole system in the foreground: web, workers and scheduler, with an embedded PostgreSQL and Redis "
        "where DATABASE_URL and REDIS_URL name no others. Ctrl-C stops everything."
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        # command_line.py reads --data-dir before this parser does, and knows no abbreviations.
        return super().create_parser(*args, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=_port, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument("--data-dir", help="where embedded servers keep data (default: $DATA_DIR, else .data)")
        parser.add_argument("--seed", choices=["demo", "none"], default="none", help="fill an empty marketplace")
        parser.add_argument("--yes", action="store_true", help="let --seed demo make its accounts on an open address")
        parser.add_argument("--workers", type=_count, default=1, help="workers of the default queue (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        output = SteadyOutput(sys.stdout)
        with StopSignals() as signals:
            try:
                self._run(options, signals, output)
            except Stopped:
                pass
            except (CannotStart, EmbeddedError) as error:
                SteadyOutput(sys.stderr).say(f"error: {error}")
                sys.exit(UNUSABLE)
            output.say("stopped")

    def _run(self, options: dict[str, Any], signals: StopSignals, output: SteadyOutput) -> None:
        host, port = options["host"], options["port"]
        if options["seed"] == "demo" and not options["yes"]:
            require_loopback(host)
        check_port(host, port)
        check_data_dir(settings.DATA_DIR)
        servers = EmbeddedServers(
            settings.DATA_DIR, postgres=not settings.DATABASE_URL, redis=not settings.REDIS_URL, command="up"
        )
        try:
            take_data_dir(servers)
            servers.start()
            address = web_address(host, port)
            self._prepare(address, options, output)
            _collect_static(output)
            _print_addresses(address, output)
            plan = Plan(
                project=settings.BASE_DIR,
                data_dir=settings.DATA_DIR,
                host=host,
                port=port,
                workers=options["workers"],
            )
            Supervisor(plan, servers, signals, output).run()
        finally:
            signals.raising = False
            servers.stop()

    def _prepare(self, address: str, options: dict[str, Any], output: SteadyOutput) -> None:
        """Schema and demo data; nothing of them stays open in this process."""
        try:
            if count := prepare_database(settings.DATA_DIR):
                output.say(f"applied {count} migrations")
            if problem := role_problem():
                output.say(f"warning: DATABASE_URL: the role is too mighty, {problem}")
            for problem in timeout_problems():
                output.say(f"warning: DATABASE_URL: {problem}: requests may wait for each other without an end")
            if problem := redis_problem(settings.REDIS_ADDRESS):
                output.say(f"warning: REDIS_URL: Redis cannot be reached, jobs wait until it can: {problem}")
            if options["seed"] == "demo":
                call_command("seed_demo", address=address, stdout=output)
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close()
                if hasattr(connection, "close_pool"):
                    connection.close_pool()


def _collect_static(output: SteadyOutput) -> None:
    """Compress and name the static files, if an installation has not. Without that they are served as they are."""
    try:
        if collect(settings.STATIC_ROOT):
            output.say("collected static files")
    except (OSError, ValueError) as error:
        output.say(f"warning: static files are served uncompressed, {settings.STATIC_ROOT}: {error}")


def _print_addresses(address: str, output: SteadyOutput) -> None:
    output.say(f"admin     {address}/admin/")
    output.say(f"API docs  {address}/api/docs/")
    output.say(f"logs      {settings.DATA_DIR / 'logs'}")


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{number} is not a port")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
