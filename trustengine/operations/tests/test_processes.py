"""The back-off between restarts, and the addresses that tests get."""

import subprocess
import sys
from pathlib import Path

import pytest

from trustengine.embedded import EmbeddedError
from trustengine.operations import processes
from trustengine.operations.processes import KeptProcess
from trustengine.pytest_plugin import with_redis_database


class Clock:
    """Stands in for the time module."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(processes, "time", clock)
    return clock


def failing() -> subprocess.Popen[bytes]:
    """A program that has ended with exit code 3."""
    child = subprocess.Popen([sys.executable, "-Sc", "import sys; sys.exit(3)"])
    child.wait()
    return child


def test_restarts_back_off_up_to_half_a_minute(clock: Clock, tmp_path: Path) -> None:
    kept = KeptProcess("web", failing, log=tmp_path / "none.log")
    kept.start()

    delays = []
    for _ in range(8):
        assert kept.tend().startswith("web ended with exit code 3; restarting in")
        delays.append(kept.next_event_in)
        clock.now += kept.next_event_in - 0.01
        assert kept.tend() == ""
        clock.now += 0.01
        kept.tend()

    assert delays == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30])


def test_a_process_that_has_lived_for_a_while_is_restarted_soon_again(clock: Clock, tmp_path: Path) -> None:
    kept = KeptProcess("web", failing, log=tmp_path / "none.log")
    for _ in range(3):
        kept.start()
        kept.tend()
    kept.start()

    clock.now += 31

    assert "restarting in 0.5 s" in kept.tend()


def test_a_program_that_cannot_be_started_is_tried_again(clock: Clock, tmp_path: Path) -> None:
    def impossible() -> subprocess.Popen[bytes]:
        raise EmbeddedError("cannot start x: no such file")

    kept = KeptProcess("redis", impossible, log=tmp_path / "none.log")

    assert kept.start() == "redis cannot start x: no such file; restarting in 0.5 s"
    assert kept.next_event_in == pytest.approx(0.5)


def test_the_most_telling_line_of_the_log_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("starting\nFATAL:  no space left\nbye\n")
    kept = KeptProcess("web", failing, log=log)
    kept.start()

    assert kept.tend().endswith(f"({log}: FATAL:  no space left)")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/3"),
        ("unix:///tmp/redis.sock?db=0", "unix:///tmp/redis.sock?db=3"),
    ],
)
def test_each_xdist_worker_has_its_own_redis_database(url: str, expected: str) -> None:
    assert with_redis_database(url, 3) == expected
