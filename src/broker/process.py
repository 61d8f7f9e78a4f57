"""The broker's operating-system process: how it is started, recognised and stopped."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import time
import uuid
from pathlib import Path

import msgspec
import psutil

from src.broker.class_archive import class_archive_options, ending_seconds
from src.broker.java import Java, find_java
from src.broker.kafka_files import DATA_FOLDER, Ports, write_log_configuration, write_server_properties
from src.broker.ports import LOOPBACK, accepts_connections, require_free_port
from src.config.paths import project_path
from src.config.settings import Settings
from src.errors import MissingPartError, TerminalError

READY_SECONDS = 60
"""How long a start may take. It is 3 s on an idle machine; after a crash the broker first checks its data."""
STOP_SECONDS = 8
"""How long an ordered stop may take (0.5 s on an idle machine) before the process is killed."""
LOG_LIMIT_BYTES = 10 * 1024 * 1024
"""A log larger than this is put aside at the next start."""

# Serial collector, first compiler only: starts in 2.3 s with 212 MB resident, where the JVM's own choice takes 2.9 s and grows with the cores.
_JVM_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true")


class RunningBroker(msgspec.Struct, frozen=True, kw_only=True):
    """A broker that was started, as its record on disk says. Whether it still runs is `BrokerProcess.find`'s to tell."""

    pid: int
    port: int
    controller_port: int
    cluster_id: str
    started_time: int
    """ms since 1970 UTC."""
    pinned: bool = False
    """Runs until it is told to stop, even when nobody uses it."""

    @property
    def bootstrap_servers(self) -> str:
        """The address that Kafka clients take."""
        return f"{LOOPBACK}:{self.port}"


class BrokerProcess:
    """The one broker whose files are in `folder`. Call `start` and `stop` under the broker's lock."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._record = folder / "broker.json"
        self._log = folder / "broker.log"
        # A pid says nothing, as the system gives it to another process later; this word in the command line does.
        self._mark = f"-Dcoinspark.broker={folder}"
        self._child: subprocess.Popen[bytes] | None = None

    def recorded(self) -> RunningBroker | None:
        """The broker started last, dead or alive; None after an ordered stop."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=RunningBroker)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def find(self) -> RunningBroker | None:
        """The broker if its process lives (it may still be starting), else None."""
        if self._child:
            self._child.poll()  # A dead child stays in the process table until it is asked for.
        recorded = self.recorded()
        return recorded if recorded and self._is_ours(recorded.pid) else None

    def start(self, ports: Ports, *, pinned: bool = False) -> RunningBroker:
        """Start the broker on the data that is there, or on none, and wait until it answers.

        Raises `ConfigurationError` for a taken port, `MissingPartError` without Java or jars, `TerminalError` when the broker dies.
        """
        java = find_java()
        class_path = self._class_path()
        self._end_strays()
        require_free_port(ports.broker, "COINSPARK_BROKER_PORT")
        require_free_port(ports.controller, "COINSPARK_CONTROLLER_PORT")
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        log_start = self._log.stat().st_size if self._log.exists() else 0
        write_server_properties(self._folder / "server.properties", ports, self._settings)
        write_log_configuration(self._folder / "log4j2.properties")
        self._format_once(java, class_path, log_start)
        self._child = self._launch(java, class_path, "kafka.Kafka", "server.properties")
        running = RunningBroker(
            pid=self._child.pid,
            port=ports.broker,
            controller_port=ports.controller,
            cluster_id=self._cluster_id(),
            started_time=time.time_ns() // 1_000_000,
            pinned=pinned,
        )
        try:
            self.record(running)
            self.wait_ready(running, log_start)
        except BaseException:
            self.stop(running)
            raise
        return running

    def record(self, running: RunningBroker) -> None:
        """Write down which broker runs, so that other processes find it."""
        fresh = self._record.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(running))
        fresh.replace(self._record)

    def wait_ready(self, running: RunningBroker, log_start: int = 0) -> None:
        """Wait until the broker accepts clients, which it does as the last step of its start."""
        deadline = time.monotonic() + READY_SECONDS
        while not accepts_connections(running.port):
            if self._has_ended(running.pid):
                raise TerminalError(f"the Kafka broker stopped while it started: {self._telling_line(log_start)} (all of it in {self._log})")
            if time.monotonic() > deadline:
                raise TerminalError(f"the Kafka broker (pid {running.pid}) does not answer after {READY_SECONDS} s: see {self._log}")
            time.sleep(0.05)

    def stop(self, running: RunningBroker) -> None:
        """End the broker in order, or by force when that takes too long."""
        if self._is_ours(running.pid):
            _end(psutil.Process(running.pid))
        if self._child:
            self._child.poll()
        self._record.unlink(missing_ok=True)

    def _has_ended(self, pid: int) -> bool:
        # The system says surely of a child whether it has ended; a command line can be empty for a moment, when Java's launcher starts itself anew.
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is not None
        return not self._is_ours(pid)

    def _is_ours(self, pid: int) -> bool:
        try:
            return self._mark in psutil.Process(pid).cmdline()
        except psutil.Error:  # Gone, a zombie, or another user's.
            return False

    def _end_strays(self) -> None:
        """End brokers of this folder that no record names: their starter was killed, or the folder was deleted under them."""
        for process in psutil.process_iter():
            if self._is_ours(process.pid):
                _end(process)

    def _jars(self) -> Path:
        return project_path(self._settings.jars) / "broker"

    def _class_path(self) -> str:
        jars = self._jars()
        if not any(jars.glob("kafka_2.13-*.jar")):
            raise MissingPartError(f"the Kafka broker's jars are not in {jars}: run `make install` (COINSPARK_JARS names another folder)")
        return str(jars / "*")

    def _format_once(self, java: Java, class_path: str, log_start: int) -> None:
        if (self._folder / DATA_FOLDER / "meta.properties").exists():
            return
        identity = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).rstrip(b"=").decode()  # Never a leading "-", which reads as an option.
        arguments = ("format", "--ignore-formatted", "--cluster-id", identity, "--config", "server.properties")
        if self._launch(java, class_path, "kafka.tools.StorageTool", *arguments).wait() != 0:
            raise TerminalError(f"the Kafka broker's data folder could not be made: {self._telling_line(log_start)} (all of it in {self._log})")

    def _launch(self, java: Java, class_path: str, main_class: str, *arguments: str) -> subprocess.Popen[bytes]:
        heap = f"-Xmx{self._settings.broker_heap_megabytes}m"
        options = [heap, *_JVM_FLAGS, *class_archive_options(self._jars()), "-Dlog4j2.configurationFile=log4j2.properties", self._mark]
        command = [str(java.executable), *options, "-cp", class_path, main_class]
        # Without a UTF-8 locale a JVM cannot use a folder whose name has other letters than ASCII.
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the job, which stops the broker when nobody needs it any more.
            return subprocess.Popen(
                [*command, *arguments], cwd=self._folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _cluster_id(self) -> str:
        properties = (self._folder / DATA_FOLDER / "meta.properties").read_text(encoding="utf-8")
        found = re.search(r"^cluster\.id=(.+)$", properties, re.MULTILINE)
        if not found:
            raise TerminalError(f"the Kafka broker's data in {self._folder / DATA_FOLDER} is damaged (no cluster id): move that folder away")
        return found.group(1).strip()

    def _telling_line(self, log_start: int) -> str:
        with self._log.open("rb") as log:
            log.seek(log_start)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        causes = [line for line in lines if re.match(r"(Caused by: )?[\w.$]+(Exception|Error)\b", line)]
        errors = [line for line in lines if " ERROR " in line or " FATAL " in line or line.startswith("Error")]
        return (causes or errors or lines or ["it said nothing"])[-1]


def _end(process: psutil.Process) -> None:
    try:
        process.terminate()
        try:
            process.wait(ending_seconds(STOP_SECONDS))
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
