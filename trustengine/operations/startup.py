"""What must hold before the system starts, and how it is brought about. Each failure is one line."""

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import redis
from django.db import DatabaseError, connection

from trustengine.audit.separation import separate
from trustengine.database.timeouts import set_role_timeouts
from trustengine.embedded.servers import EmbeddedServers, describe
from trustengine.operations.schema import SchemaTooNew, bring_up_to_date
from trustengine.row_security import is_bypassed

COMMAND_PATIENCE = 5.0  # seconds that another command may take to give the data directory back


class CannotStart(Exception):
    """The system cannot start here; the message is one line for the operator."""


def check_port(host: str, port: int) -> None:
    """Raise CannotStart if the address cannot be listened on.

    The web server sets SO_REUSEPORT and would silently share a port with another copy
    of itself; binding without it tells.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def require_loopback(host: str) -> None:
    """Raise CannotStart where demo accounts could be reached from other machines."""
    if not is_loopback(host):
        raise CannotStart(
            f"--seed demo makes accounts with passwords that everybody knows, and {host} can be reached from other "
            "machines: add --yes if that is meant"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host; a name is taken to be elsewhere, but for localhost."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def check_data_dir(data_dir: Path) -> None:
    """Raise CannotStart unless files can be made in the data directory."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = data_dir / f".writable-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise CannotStart(f"cannot write to the data directory {data_dir}: {error.strerror}") from error


def take_data_dir(servers: EmbeddedServers) -> None:
    """Become the owner of the data directory. Raises CannotStart when another process stays it."""
    if servers.own():
        return
    owner = servers.ownership.read()
    if (owner and owner.command == "up") or not servers.own(patience=COMMAND_PATIENCE):
        raise CannotStart(f"{describe(owner)} is running on the data directory {servers.data_dir}")


def prepare_database(data_dir: Path) -> int:
    """Bring the schema up to date and return how many migrations that took. Raises CannotStart."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise CannotStart(f"DATABASE_URL: the database cannot be reached: {_first_line(error)}") from error
    try:
        applied = bring_up_to_date(data_dir)
        set_role_timeouts()  # the settings may be others than at the last migration
        separate()  # a migration may have been cut off
    except SchemaTooNew as error:
        raise CannotStart(str(error)) from error
    except DatabaseError as error:
        raise CannotStart(f"the migrations failed: {_first_line(error)}") from error
    return applied


def role_problem() -> str:
    """Why the database's role takes away the second wall around money; empty if it does not."""
    return "it may bypass row-level security: give it neither SUPERUSER nor BYPASSRLS" if is_bypassed() else ""


def redis_password_problem(url: str) -> str:
    """Why others may reach into Redis; empty where it asks for a password or only this machine reaches it."""
    parts = urlsplit(url)
    if parts.scheme == "unix" or parts.password or "password" in parse_qs(parts.query):
        return ""
    host = parts.hostname or "localhost"
    return "" if is_loopback(host) else f"{host} is another machine and is asked without a password"


def redis_problem(url: str) -> str:
    """Why Redis cannot be used now; empty if it can. The system serves requests without it."""
    try:
        with redis.Redis.from_url(url) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
