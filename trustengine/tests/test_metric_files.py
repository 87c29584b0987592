"""Metrics on a disk that is full: a real file system with room for a few pages."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings
from prometheus_client.mmap_dict import MmapedDict

from trustengine.metric_files import RETRY_SECONDS, MetricFile
from trustengine.operations.tests.running import free_port, wait_for

COUNT = """
import sys
if sys.argv[1] == "ours":
    from trustengine import metric_files
    metric_files.RETRY_SECONDS = 0.0
    metric_files.install()
from prometheus_client import Counter
counter = Counter("things", "Things", ["name"])
for number in range(200):
    counter.labels(f"before-{number:060}").inc()
print("fill", flush=True)
sys.stdin.readline()
for number in range(3_000):
    counter.labels(f"full-{number:060}").inc()
    counter.labels(f"before-{0:060}").inc()
print("free", flush=True)
sys.stdin.readline()
counter.labels("after").inc()
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 kB, which a test can fill."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return ballast


def begin_counting(which: str, disk: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COUNT, which],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(disk)},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def counted(disk: Path) -> dict[str, float]:
    (file,) = disk.glob("counter_*.db")
    return {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(file) if "things_total" in key}


def test_the_librarys_own_files_kill_a_process_on_a_full_disk(small_disk):
    """Without this, the other tests would prove nothing."""
    with begin_counting("theirs", small_disk) as process:
        process.stdout.readline()
        fill(small_disk)
        process.communicate("\n", timeout=60)

    assert process.returncode == -signal.SIGBUS


def test_a_process_counts_on_while_the_disk_is_full_and_writes_all_of_it_afterwards(small_disk):
    with begin_counting("ours", small_disk) as process:
        assert process.stdout.readline() == "fill\n"
        before = counted(small_disk)
        ballast = fill(small_disk)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "free\n"
        assert set(counted(small_disk)) >= set(before)  # a scrape reads what was written
        ballast.unlink()
        small_disk.joinpath("other").touch()
        subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
        process.communicate("\n", timeout=60)

    found = counted(small_disk)
    assert process.returncode == 0
    assert len(before) == 200
    assert len(found) == 3_201
    assert sum(found.values()) == 200 + 6_000 + 1


def test_a_web_process_answers_on_a_full_disk_and_its_metrics_come_back(small_disk, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1"]
    own = {
        "PROMETHEUS_MULTIPROC_DIR": str(small_disk),
        "DATA_DIR": str(tmp_path / "data"),
        "SECRET_KEY": "of a test",
        "DJANGO_SETTINGS_MODULE": "trustengine.settings",
    }
    web = subprocess.Popen([*command, "trustengine.wsgi:application"], env=os.environ | own, cwd=settings.BASE_DIR)

    def ask(address: str) -> str:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as client:
            client.request("GET", address)
            answer = client.getresponse()
            assert answer.status in {200, 404}, answer.status
            return answer.read().decode()

    def is_there() -> bool:
        try:
            return bool(ask("/healthz"))
        except OSError:
            return False

    def worker() -> set[str]:
        return {path.name for path in small_disk.glob("counter_*.db")}

    try:
        wait_for(is_there, "the web server")
        (process,) = worker()
        ballast = fill(small_disk)
        for number in range(40):
            ask(f"/api/v1/nothing-{number}/")
        subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
        ballast.unlink()
        time.sleep(RETRY_SECONDS)
        ask("/api/v1/nothing-more/")
        metrics = ask("/metrics")
    finally:
        web.terminate()
        web.wait(30)

    assert worker() == {process}  # not one of a process that took its place
    assert 'django_http_responses_total_by_status_total{status="404"} 41.0' in metrics


def test_a_file_that_is_there_is_gone_on_with_and_read_by_the_library(tmp_path):
    path = tmp_path / "counter_1.db"
    first = MetricFile(str(path))
    for length in range(1, 20):
        first.write_value("k" * length, float(length), 0.5)
    first.close()

    again = MetricFile(str(path))
    again.write_value("k", 100.0, 0.0)
    again.close()

    found = {key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path))}
    assert found == {"k" * length: float(length) for length in range(2, 20)} | {"k": 100.0}
    assert again.read_value("kk") == (2.0, 0.5)


@pytest.mark.parametrize("content", [b"", b"\x09", b"\xff" * 64])
def test_a_broken_file_is_replaced(tmp_path, content):
    path = tmp_path / "counter_1.db"
    path.write_bytes(content)

    MetricFile(str(path)).write_value("k", 1.0, 0.0)

    assert [value for _, value, _, _ in MmapedDict.read_all_values_from_file(str(path))] == [1.0]
