"""The embedded servers on their own: what they find when they start, and who owns a data directory."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from trustengine.embedded import EmbeddedError, addresses, identity
from trustengine.embedded.binaries import postgres_bin
from trustengine.embedded.children import run_tool
from trustengine.embedded.identity import Identity, unprivileged
from trustengine.embedded.ownership import Owner, Ownership
from trustengine.embedded.servers import EmbeddedServers
from trustengine.operations.tests.running import processes_of, wait_for


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose servers have run once."""
    data_dir = tmp_path_factory.mktemp("initialised")
    with both(data_dir) as servers:
        query(servers, "CREATE TABLE note (text text)")
        query(servers, "INSERT INTO note VALUES ('kept')")
    return data_dir


@pytest.fixture
def data_dir(initialised: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(initialised, tmp_path / "data"))


def both(data_dir: Path) -> EmbeddedServers:
    return EmbeddedServers(data_dir, postgres=True, redis=True, throwaway=True)


def query(servers: EmbeddedServers, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(servers.addresses.database_url) as connection:
        cursor = connection.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def test_letters_beyond_ascii_compare_without_regard_to_case(data_dir: Path) -> None:
    with both(data_dir) as servers:
        assert query(servers, "SELECT 'É' ILIKE 'é'") == [(True,)]


def test_nobody_listens_on_tcp(data_dir: Path) -> None:
    with both(data_dir) as servers:
        assert query(servers, "SHOW listen_addresses") == [("",)]
        with redis.Redis.from_url(servers.addresses.redis_url) as client:
            assert client.config_get("port") == {"port": "0"}
        for name in (".s.PGSQL.5432", "redis.sock"):
            assert (servers.addresses.directory / name).stat().st_mode & 0o777 == 0o700


def test_what_redis_holds_survives_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2):
        servers = EmbeddedServers(tmp_path, postgres=False, redis=True)
        with servers, redis.Redis.from_url(servers.addresses.redis_url) as client:
            assert client.incr("restarts") == expected


def test_a_killed_server_starts_again(data_dir: Path) -> None:
    with both(data_dir) as servers:
        for server in servers.running:
            assert server.process
            server.process.kill()
            server.process.wait()
        assert not any(server.alive or server.answers() for server in servers.running)

        # An orphaned backend may hold on to the shared memory for a moment; the supervisor tries again likewise.
        def answers() -> bool:
            for server in servers.running:
                if not server.alive:
                    server.launch()
            return all(server.answers() for server in servers.running)

        wait_for(answers, "both servers again")
        assert query(servers, "SELECT text FROM note") == [("kept",)]


def test_stale_lock_files_and_sockets_do_not_hinder_a_start(data_dir: Path) -> None:
    """The number in them belongs to someone else by now: this very process."""
    sockets = addresses(data_dir).directory
    sockets.mkdir(exist_ok=True)
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data_dir}/postgres\n1\n5432\n\n\n\nready\n")
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    for name in (".s.PGSQL.5432", "redis.sock"):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(sockets / name))

    with both(data_dir) as servers:
        assert query(servers, "SELECT text FROM note") == [("kept",)]


def test_an_unfinished_first_start_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new123").mkdir()

    with EmbeddedServers(tmp_path, postgres=True, redis=False, throwaway=True) as servers:
        assert query(servers, "SELECT 1") == [(1,)]

    assert not (tmp_path / "postgres.new123").exists()


def test_a_directory_of_postgresql_16_is_opened_by_postgresql_16(tmp_path: Path) -> None:
    old = tmp_path / "postgres"
    old.mkdir(mode=0o700)
    initdb = [postgres_bin(16) / "initdb", "-D", old, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    run_tool(initdb, identity=unprivileged(old))

    with EmbeddedServers(tmp_path, postgres=True, redis=False, throwaway=True) as servers:
        assert str(query(servers, "SHOW server_version")[0][0]).startswith("16.")


@pytest.mark.parametrize(
    ("version", "problem"), [("19", "newer than the embedded 18"), ("?", "no readable PG_VERSION")]
)
def test_a_directory_of_an_unknown_version_is_refused(data_dir: Path, version: str, problem: str) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text(version)

    with pytest.raises(EmbeddedError, match=problem):
        both(data_dir).__enter__()

    assert not processes_of(data_dir)


def test_a_server_that_fails_to_start_is_quoted(data_dir: Path) -> None:
    (data_dir / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedError, match=r"postgres did not start: FATAL: .*contains errors"):
        both(data_dir).__enter__()


def test_a_directory_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = Ownership(tmp_path), Ownership(tmp_path)
    assert first.acquire(patience=0)
    first.announce(Owner(pid=1, command="up", servers=("redis",), ready=True))

    assert not second.acquire(patience=0)
    assert second.read() == Owner(pid=1, command="up", servers=("redis",), ready=True)

    first.release()
    assert second.read() is None
    assert second.acquire(patience=0)
    second.release()


def test_an_owner_that_is_killed_takes_its_servers_along(data_dir: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from trustengine.embedded.servers import EmbeddedServers\n"
        "with EmbeddedServers(Path(sys.argv[1]), postgres=True, redis=True): print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        owner.send_signal(signal.SIGKILL)

    with both(data_dir) as servers:  # at once: the old servers may still be on their way out
        assert query(servers, "SELECT text FROM note") == [("kept",)]
    wait_for(lambda: not processes_of(data_dir), "nothing left")


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "user_namespaces_work", lambda: False)


@pytest.mark.usefixtures("no_namespaces")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to shed root")
def test_where_namespaces_are_refused_root_becomes_another_user(tmp_path: Path) -> None:
    """Even below a directory that only root may enter; and the data stays with that user from then on."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for _ in range(2):
        with EmbeddedServers(closed / "data", postgres=True, redis=False, throwaway=True) as servers:
            assert servers.postgres is not None
            assert servers.postgres.process is not None
            assert Path(f"/proc/{servers.postgres.process.pid}").stat().st_uid == identity.NOBODY
            assert query(servers, "SELECT 1") == [(1,)]
    assert unprivileged(closed / "data" / "postgres") == Identity(uid=identity.NOBODY, gid=identity.NOBODY)
