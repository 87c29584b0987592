"""Runs the whole system in the foreground: embedded servers, web, workers and the scheduler.

One process, one thread: the kernel's parent death signal follows the thread that
started a child, so that even a killed supervisor leaves nothing behind.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from trustengine.embedded import EmbeddedError
from trustengine.embedded.children import rotate_log, start_child, stop_children
from trustengine.embedded.parent_death import SUPERVISED
from trustengine.embedded.server import Server
from trustengine.embedded.servers import EmbeddedServers
from trustengine.insight import SHARED_DIRECTORY
from trustengine.operations.console import SteadyOutput, StopSignals
from trustengine.operations.processes import KeptProcess
from trustengine.operations.readiness import unreadiness, web_address

WORKER_PATIENCE = 6.0  # seconds for requests and jobs under way; with the servers' own 3 s it stays under 10
READY_PATIENCE = 60.0
CONNECTIONS = (
    10  # of a web process: eight requests at once, and the probes; its WEB_THREADS are more, see request_slots
)


@dataclass(frozen=True)
class Plan:
    """What to run, and where."""

    project: Path
    data_dir: Path
    host: str
    port: int
    workers: int


class Supervisor:
    """Keeps the children of one ``up`` running until a signal asks it to stop."""

    def __init__(self, plan: Plan, servers: EmbeddedServers, signals: StopSignals, output: SteadyOutput) -> None:
        self.plan = plan
        self.servers = servers
        self.signals = signals
        self.output = output
        self.kept: list[KeptProcess] = []  # in order of start
        self._ready = False
        self._started_at = 0.0
        self._complained = False

    def run(self) -> None:
        """Start the children, restart what dies, and return after a signal with all of them stopped.

        The embedded servers run already, and are left to their owner to stop.
        """
        self.signals.raising = False
        self._clear_counters()
        self._started_at = time.monotonic()
        kept_servers = [self._server(server) for server in self.servers.running]
        programs = self._programs()
        self.kept = [*kept_servers, *programs]
        try:
            for program in programs:
                self._report(program.start())
            while not self.signals.requested:
                for process in self.kept:
                    self._report(process.tend())
                    rotate_log(process.log)
                if not self._ready:
                    self._look_whether_ready()
                self.signals.wait(self._pause())
            self.output.say("stopping")
        finally:
            self._stop(programs)

    def _programs(self) -> list[KeptProcess]:
        web = [sys.executable, "-m", "granian", "--interface", "rsgi", "--factory", "--loop", "asyncio"]
        web += ["--host", self.plan.host, "--port", str(self.plan.port), "--workers", str(web_processes())]
        web += ["--no-ws", "--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "5"]
        web += ["--log-level", "warning", "--no-access-log"]  # the access line is our own, with the request's id
        if settings.LOG_FORMAT == "json":
            web += ["--log-config", str(self.plan.project / "trustengine" / "web_server_logs.json")]
        web += ["trustengine.rsgi:application"]
        programs = [self._program("web", web, {"DATABASE_POOL_SIZE": str(CONNECTIONS)})]
        for queue, count in (("high", 1), ("default", self.plan.workers), ("low", 1)):
            for number in range(1, count + 1):
                name = f"worker-{queue}" if number == 1 else f"worker-{queue}-{number}"
                programs.append(self._program(name, self._manage("worker", queue)))
        programs.append(self._program("scheduler", self._manage("scheduler")))
        return programs

    def _manage(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.plan.project / "manage.py"), *arguments, "--skip-checks"]  # `up` has made them

    def _program(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> KeptProcess:
        environment = os.environ | {
            SUPERVISED: "1",
            "DATA_DIR": str(self.plan.data_dir),
            "DATABASE_POOL_SIZE": "0",
            "PYTHONUNBUFFERED": "1",
            SHARED_DIRECTORY: str(self._counters),
            **(extra or {}),
        }
        log = self.plan.data_dir / "logs" / f"{name}.log"
        # Killed, not asked: jobs are leased and run again, and there is no database left to finish them with.
        launch = partial(
            start_child,
            command,
            log=log,
            death_signal=signal.SIGKILL,
            environment=environment,
            directory=self.plan.project,
        )
        return KeptProcess(name, launch, log=log)

    @property
    def _counters(self) -> Path:
        """Where web and worker processes keep what they count, for a scrape to add up."""
        return self.plan.data_dir / "prometheus"

    def _clear_counters(self) -> None:
        """Begin at zero. Nothing is cleared when a child dies: its requests and jobs have happened."""
        shutil.rmtree(self._counters, ignore_errors=True)
        self._counters.mkdir(parents=True)

    def _server(self, server: Server) -> KeptProcess:
        kept = KeptProcess(server.name, _relaunch(server), log=server.log)
        if server.process:
            kept.adopt(server.process)
        return kept

    def _look_whether_ready(self) -> None:
        problem = unreadiness(self.plan.host, self.plan.port)
        if not problem:
            self._ready = True
            self.output.say(f"ready {web_address(self.plan.host, self.plan.port)}")
        elif not self._complained and time.monotonic() - self._started_at > READY_PATIENCE:
            self._complained = True
            self.output.say(f"not ready after {READY_PATIENCE:.0f} s, still trying: {problem}")

    def _pause(self) -> float:
        """Seconds until something may have to be done without a signal having come."""
        until_ready = 1.0 if self._complained else 0.1
        return min([5.0 if self._ready else until_ready, *(process.next_event_in for process in self.kept)])

    def _stop(self, programs: Sequence[KeptProcess]) -> None:
        running = [(program.process, signal.SIGTERM) for program in programs if program.process]
        names = {program.process.pid: program.name for program in programs if program.process}
        for process_id in stop_children(running, patience=WORKER_PATIENCE):
            self.output.say(f"{names[process_id]} did not stop in {WORKER_PATIENCE:.0f} s and was killed")

    def _report(self, line: str) -> None:
        if line:
            self.output.say(line)


def web_processes() -> int:
    """One web process per core, but two at least, and no more than the database's connections allow."""
    return min(max(os.cpu_count() or 1, 2), 6)


def _relaunch(server: Server) -> Callable[[], subprocess.Popen[bytes]]:
    def launch() -> subprocess.Popen[bytes]:
        server.launch()
        if server.process is None:
            raise EmbeddedError(f"{server.name} did not start")
        return server.process

    return launch
