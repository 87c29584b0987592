"""Log files: private, and kept short while their processes run."""

import subprocess
import sys
import time

from trustengine.embedded import children
from trustengine.embedded.children import open_log, rotate_log

WRITER = "import sys, time\nfor n in range(3_000):\n    print(f'{n:050}', flush=True)\n    time.sleep(0.0003)\n"


def mode(path):
    return path.stat().st_mode & 0o777


def test_log_files_are_readable_by_their_owner_only(tmp_path):
    log = tmp_path / "logs" / "web.log"
    log.parent.mkdir()
    log.write_text("of an earlier version\n")
    log.chmod(0o644)

    open_log(log).close()
    open_log(tmp_path / "new" / "worker.log").close()

    assert mode(log) == mode(tmp_path / "new" / "worker.log") == 0o600
    assert mode(tmp_path / "new") == 0o700
    assert log.read_text() == "of an earlier version\n"


def test_a_long_log_is_put_aside_while_its_process_writes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(children, "LARGEST_LOG", 40_000)
    log, aside = tmp_path / "web.log", tmp_path / "web.log.1"
    with open_log(log) as output:
        process = subprocess.Popen([sys.executable, "-c", WRITER], stdout=output)
    rotations, seen = 0, []
    while process.poll() is None:
        if rotate_log(log):
            rotations += 1
            assert mode(aside) == 0o600
            seen += aside.read_text().splitlines()
        time.sleep(0.01)
    seen += log.read_text().splitlines()

    assert rotations >= 2
    assert log.stat().st_size <= 40_000
    assert "\0" not in log.read_text()
    numbers = [int(line) for line in seen if line.isdigit() and len(line) == 50]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 2_900  # what is written in the moment between the last read and the cut may be lost
    assert numbers[-1] == 2_999


def test_a_short_or_missing_log_is_left_alone(tmp_path):
    log = tmp_path / "web.log"
    assert not rotate_log(log)
    log.write_text("short")
    assert not rotate_log(log)
    assert log.read_text() == "short"
