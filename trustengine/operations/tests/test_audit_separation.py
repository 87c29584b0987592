"""The audit's tables belong to a role of their own: on an embedded PostgreSQL, as a start leaves it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from trustengine.embedded.postgres import DATABASE, OWNER, SUPERUSER
from trustengine.embedded.servers import EmbeddedServers
from trustengine.operations.tests.running import MANAGE, environment, run_command

ENTRY = (
    "INSERT INTO audit_entry (id, at, actor_kind, verb, object_type, object_id, before, after, reason, request_id, "
    "client_request_id) "
    "VALUES (gen_random_uuid(), now(), 'system', 'lamp.lit', 'lamp', '1', '{}', '{}', '', '', '')"
)
FORBIDDEN = {
    "alter an entry": "UPDATE audit_entry SET verb = 'lamp.broken'",
    "remove an entry": "DELETE FROM audit_entry",
    "empty the log": "TRUNCATE audit_entry CASCADE",
    "drop the log": "DROP TABLE audit_entry CASCADE",
    "switch the triggers off": "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "replace a trigger's function": (
        "CREATE OR REPLACE FUNCTION pgtrigger_append_only_a6b88() RETURNS TRIGGER "
        "AS 'BEGIN RETURN NEW; END' LANGUAGE plpgsql"
    ),
    "drop what triggers ask": "DROP FUNCTION _pgtrigger_should_ignore CASCADE",
    "alter a seal": "UPDATE audit_seal SET number = 7",
    "remove a seal": "DELETE FROM audit_seal",
    "alter a verification": "UPDATE audit_verification SET problems = 0",
    "remove a verification": "DELETE FROM audit_verification",
    "postpone a seal": "UPDATE audit_unsealed SET position = position + 1000",
    "become the owner": "SET ROLE trustengine_audit",
    "take the schema": "ALTER SCHEMA public OWNER TO trustengine",
    "take the table": "ALTER TABLE audit_entry OWNER TO trustengine",
}
# Each is done by a superuser, and named by the check.
DOORS = {
    "GRANT UPDATE ON audit_entry TO trustengine": "The application's role may change rows of audit_entry",
    "GRANT DELETE ON audit_seal TO trustengine": "The application's role may change rows of audit_seal",
    "ALTER TABLE audit_seal OWNER TO trustengine": "audit_seal belongs to trustengine",
    "GRANT trustengine_audit TO trustengine": "audit_entry belongs to trustengine_audit, by which the application's",
    "ALTER SCHEMA public OWNER TO trustengine": "The schema public belongs to the application's role",
    "ALTER FUNCTION _pgtrigger_should_ignore OWNER TO trustengine": "The function _pgtrigger_should_ignore(name)",
    "ALTER ROLE trustengine SUPERUSER": "The application's role trustengine is a superuser",
}

OPENING = """
import json
from trustengine.audit.separation import _as_superuser, problems, separate
found = {}
for statement in DOORS:
    _as_superuser(statement)
    opened = list(problems())
    _as_superuser("ALTER ROLE trustengine NOSUPERUSER; REVOKE trustengine_audit FROM trustengine")
    separate()
    found[statement] = [opened, list(problems())]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with running servers and a schema, as `migrate` has left it."""
    directory = tmp_path_factory.mktemp("audit") / "data"
    directory.mkdir()
    with EmbeddedServers(directory, postgres=True, redis=True, command="test", throwaway=True):
        done = run_command("migrate", "-v0", DATA_DIR=str(directory))
        assert done.returncode == 0, done.stderr
        yield directory
    shutil.rmtree(directory)


def execute(data_dir: Path, statement: str, *, role: str = OWNER) -> list[tuple]:
    sockets = str(data_dir / "run")
    with psycopg.connect(host=sockets, user=role, dbname=DATABASE, autocommit=True) as connection:
        cursor = connection.execute(statement)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


def messages(data_dir: Path) -> str:
    return run_command("check", "--database", "default", DATA_DIR=str(data_dir)).stderr


def owners(data_dir: Path) -> set[str]:
    return {owner for (owner,) in execute(data_dir, "SELECT tableowner FROM pg_tables WHERE tablename LIKE 'audit%'")}


def test_the_application_inserts_and_reads(data_dir: Path) -> None:
    execute(data_dir, ENTRY)

    assert execute(data_dir, "SELECT count(*) > 0 FROM audit_entry") == [(True,)]
    assert execute(data_dir, "SELECT count(*) > 0 FROM audit_unsealed") == [(True,)]
    assert "no issues" in messages(data_dir) or messages(data_dir) == ""


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_application_may_do_nothing_else(data_dir: Path, what: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(data_dir, FORBIDDEN[what])


def test_sealing_and_verifying_need_no_more(data_dir: Path) -> None:
    execute(data_dir, ENTRY)
    seal = "from trustengine.audit.sealing import seal_waiting; print(seal_waiting(seconds=5))"

    sealed = run_command("shell", "-v0", "-c", seal, DATA_DIR=str(data_dir))
    verified = run_command("verify_audit", DATA_DIR=str(data_dir))

    assert int(sealed.stdout) > 0, sealed.stderr
    assert verified.returncode == 0, verified.stderr


def test_a_directory_of_before_is_separated_by_the_next_migration(data_dir: Path) -> None:
    """0.1.0 left everything to the application's role."""
    give_back = subprocess.run(
        [*MANAGE, "audit_owner", "--give-back"],
        env=environment(DATA_DIR=str(data_dir)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    execute(data_dir, give_back, role=SUPERUSER)
    execute(data_dir, "ALTER SCHEMA public OWNER TO pg_database_owner", role=SUPERUSER)
    assert owners(data_dir) == {OWNER}
    assert "audit_entry belongs to trustengine" in messages(data_dir)

    backwards = run_command("migrate", "-v0", "audit", "0001", DATA_DIR=str(data_dir))
    forwards = run_command("migrate", "-v0", DATA_DIR=str(data_dir))

    assert (backwards.returncode, forwards.returncode) == (0, 0), backwards.stderr + forwards.stderr
    assert owners(data_dir) == {"trustengine_audit"}
    assert "audit.E010" not in messages(data_dir)


def test_every_door_is_named_and_closed_again(data_dir: Path) -> None:
    done = run_command("shell", "-v0", "-c", f"DOORS = {list(DOORS)!r}\n{OPENING}", DATA_DIR=str(data_dir))
    assert done.returncode == 0, done.stderr

    for statement, (opened, closed) in json.loads(done.stdout).items():
        assert [each for each in opened if DOORS[statement] in each], (statement, opened)
        assert closed == [], statement
