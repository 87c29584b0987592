"""`manage.py up`, as an operator meets it: real processes, real signals."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from trustengine.embedded import addresses
from trustengine.operations.tests.running import System, free_port, processes_of, run_command, wait_for

COUNT_MIGRATIONS = (
    "from django.db import connection\n"
    "with connection.cursor() as cursor:\n"
    "    cursor.execute('SELECT count(*) FROM django_migrations')\n"
    "    print(cursor.fetchone()[0])\n"
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system that tests share, and leave running."""
    system = System(tmp_path_factory.mktemp("shared") / "data")
    try:
        system.wait_until_ready()
        yield system
    finally:
        system.end()


@pytest.fixture(scope="module")
def used_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory on which systems run one after another."""
    return tmp_path_factory.mktemp("used") / "data"


def test_up_says_where_everything_is_and_becomes_ready(system: System) -> None:
    assert f"http://127.0.0.1:{system.port}/admin/" in system.output
    assert f"http://127.0.0.1:{system.port}/api/docs/" in system.output
    status, answer = system.get("/readyz")
    assert (status, answer["status"]) == (200, "ok")


def test_every_child_that_is_killed_comes_back(system: System) -> None:
    before = system.children()
    assert len(before) == 7

    for process_id in before.values():
        os.kill(process_id, signal.SIGKILL)

    def all_new() -> bool:
        after = system.children()
        return len(after) == 7 and not set(after.values()) & set(before.values())

    wait_for(all_new, "seven new children")
    wait_for(lambda: (system.get("/readyz")[1] or {}).get("status") == "ok", "a ready system")
    for name in before:
        assert f"{name} ended by signal 9; restarting in" in system.output


def test_a_second_up_on_the_same_directory_is_refused(system: System) -> None:
    second = run_command("up", "--port", str(free_port()), "--data-dir", str(system.data_dir))

    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert f"(process {system.process.pid}) is running on the data directory {system.data_dir}" in second.stderr


def test_a_port_in_use_is_refused(system: System, tmp_path: Path) -> None:
    second = run_command("up", "--port", str(system.port), "--data-dir", str(tmp_path))

    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == f"error: cannot listen on 127.0.0.1 port {system.port}: Address already in use\n"


def test_other_commands_use_the_running_servers(system: System) -> None:
    servers = {name: system.children()[name] for name in ("postgres", "redis")}

    command = run_command("shell", "-v0", "-c", COUNT_MIGRATIONS, DATA_DIR=str(system.data_dir))

    assert command.returncode == 0, command.stderr
    assert int(command.stdout) > 20
    assert {name: system.children()[name] for name in servers} == servers


def test_a_second_system_lives_beside_the_first_as_an_ordinary_user(system: System, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    as_root = os.geteuid() == 0
    if as_root:
        os.chown(data_dir, 65534, 65534)
    second = System(data_dir, ordinary_user=as_root)
    try:
        second.wait_until_ready()
        assert system.get("/readyz")[0] == second.get("/readyz")[0] == 200
        assert {path.owner() for path in data_dir.iterdir()} == {data_dir.owner()}
        assert second.stop() == 0
        wait_for(lambda: not processes_of(data_dir), "nothing left")
        assert system.get("/readyz")[0] == 200
    finally:
        second.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_after_a_signal_but_the_data(used_directory: Path, number: signal.Signals) -> None:
    system = System(used_directory)
    try:
        system.wait_until_ready()
        leave_a_mark(used_directory)
        told_at = time.monotonic()

        code = system.stop(number)

        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        assert time.monotonic() - told_at < 10
        wait_for(lambda: not processes_of(used_directory), "nothing left", patience=10)
    finally:
        system.end()


def leave_a_mark(data_dir: Path) -> None:
    """Add one row and one number, and see that those of all systems before are still there."""
    notebook = data_dir.with_suffix(".marks")
    marks = len(notebook.read_text()) if notebook.exists() else 0
    with psycopg.connect(addresses(data_dir).database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS mark (id int)")
        connection.execute("INSERT INTO mark VALUES (1)")
        assert connection.execute("SELECT count(*) FROM mark").fetchone() == (marks + 1,)
    connection.close()
    with redis.Redis.from_url(addresses(data_dir).redis_url) as client:
        assert client.incr("mark") == marks + 1
    with notebook.open("a") as file:
        file.write("x")


def test_a_terminal_that_goes_away_stops_neither_the_system_nor_its_end(used_directory: Path) -> None:
    reader, writer = os.pipe()
    system = System(used_directory, stdout=writer)
    os.close(writer)
    try:
        with os.fdopen(reader) as lines:
            assert any(line.startswith("ready ") for line in lines)
        assert system.get("/readyz")[0] == 200
        os.kill(system.children()["scheduler"], signal.SIGKILL)  # makes it print a line to nobody
        wait_for(lambda: "scheduler" not in system.children(), "the scheduler's end")
        wait_for(lambda: "scheduler" in system.children(), "the scheduler's return")

        assert system.stop(signal.SIGINT) == 0
        assert system.errors == ""
    finally:
        system.end()


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # root may write everywhere, but not below a file

    up = run_command("up", "--port", str(free_port()), "--data-dir", str(tmp_path / "file" / "data"))

    assert up.returncode == 2
    assert up.stderr == f"error: DATA_DIR: cannot read {tmp_path}/file/data/secret_key: Not a directory\n"


def test_an_unreachable_database_is_refused(tmp_path: Path) -> None:
    url = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"

    up = run_command("up", "--port", str(free_port()), "--data-dir", str(tmp_path), DATABASE_URL=url)

    assert up.returncode == 2
    assert up.stderr.startswith("error: DATABASE_URL: the database cannot be reached: ")
    assert up.stderr.count("\n") == 1
    assert not processes_of(tmp_path)


def test_a_schema_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    migrated = run_command(
        "shell",
        "-v0",
        "-c",
        "from django.db import connection\n"
        "from django.db.migrations.recorder import MigrationRecorder\n"
        "MigrationRecorder(connection).record_applied('orders', '9999_from_the_future')",
        DATA_DIR=str(tmp_path),
    )
    assert migrated.returncode == 0, migrated.stderr

    up = run_command("up", "--port", str(free_port()), "--data-dir", str(tmp_path))

    assert up.returncode == 2
    assert up.stderr == (
        "error: the database's schema is newer than this version: it holds orders.9999_from_the_future, unknown here\n"
    )
    assert not processes_of(tmp_path)
