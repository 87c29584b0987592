"""What happens around any command: settings, servers, schema."""

import gc
import os
import sys
from pathlib import Path

import pytest

import manage
from trustengine.operations.tests.running import begin_command, processes_of, run_command, wait_for

COUNT_USERS = "from django.contrib.auth import get_user_model; print(get_user_model().objects.count())"


@pytest.mark.parametrize(
    ("name", "value"),
    [("JOB_BATCH_SIZE", "many"), ("MARKETPLACE_TIME_ZONE", "Mars/Olympus"), ("DATABASE_URL", "mysql://x/y")],
)
def test_an_invalid_variable_is_named(tmp_path: Path, name: str, value: str) -> None:
    command = run_command("check", **{"DATA_DIR": str(tmp_path), name: value})

    assert command.returncode == 2
    assert command.stderr.startswith(f"error: {name}: ")
    assert command.stderr.count("\n") == 1


def test_a_command_ends_without_looking_through_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's last collection takes half a second of CPU, and `up` stops many processes at once."""
    monkeypatch.setattr(sys, "argv", ["manage.py", "version"])
    try:
        manage.main()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


def test_help_needs_no_servers(tmp_path: Path) -> None:
    command = run_command("migrate", "--help", DATA_DIR=str(tmp_path))

    assert command.returncode == 0
    assert not (tmp_path / "postgres").exists()


def test_an_unknown_command_starts_no_servers(tmp_path: Path) -> None:
    command = run_command("imprt", DATA_DIR=str(tmp_path))

    assert command.returncode == 1
    assert "Unknown command: 'imprt'" in command.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_command_works_on_an_empty_directory_and_leaves_no_process(tmp_path: Path) -> None:
    data_dir = tmp_path / "My Däta"

    command = run_command("shell", "-v0", "-c", COUNT_USERS, DATA_DIR=str(data_dir), PGPORT="6666")

    assert (command.returncode, command.stdout, command.stderr) == (0, "0\n", "")
    assert not processes_of(data_dir)


def test_the_first_of_two_commands_leaves_the_servers_to_the_second(tmp_path: Path) -> None:
    """The one that started the servers ends first, and waits before it stops them."""
    wait = "import pathlib, time\nwhile not pathlib.Path('{}').exists(): time.sleep(0.02)\n"
    first_may_end, second_may_end = tmp_path / "first", tmp_path / "second"
    data_dir = tmp_path / "data"
    first = begin_command("shell", "-v0", "-c", wait.format(first_may_end) + COUNT_USERS, DATA_DIR=str(data_dir))
    wait_for(lambda: '"ready": true' in _text(data_dir / "owner.lock"), "the first command's servers")
    seen = "print('inside', flush=True)\n"
    second = begin_command(
        "shell", "-v0", "-c", seen + wait.format(second_may_end) + COUNT_USERS, DATA_DIR=str(data_dir)
    )
    assert second.stdout is not None
    assert second.stdout.readline() == "inside\n"

    first_may_end.touch()
    assert first.stderr is not None
    assert "waiting for another command" in first.stderr.readline()
    second_may_end.touch()

    assert second.communicate(timeout=30) == ("0\n", "")
    assert first.communicate(timeout=30) == ("0\n", "")
    assert (first.returncode, second.returncode) == (0, 0)
    wait_for(lambda: not processes_of(data_dir), "nothing left")


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="needs the embedded server of the test run")
def test_a_given_database_without_schema_asks_for_migrate(tmp_path: Path) -> None:
    urls = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}  # not the test_ database beside it

    command = run_command("shell", "-v0", "-c", COUNT_USERS, DATA_DIR=str(tmp_path), **urls)

    assert command.returncode == 2
    assert command.stderr.startswith("error: the database's schema is behind the code: run manage.py migrate")
    assert command.stderr.count("\n") == 1


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
