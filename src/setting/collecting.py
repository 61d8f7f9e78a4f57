"""The collector that a job runs beside itself, as a child process: started, watched, started again, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from src.collect.lease import is_collected
from src.collect.options import CollectOptions, SourceChoice
from src.config.environment import as_environment
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.logs import last_event

_STOP_SECONDS = 6.0
_TAKE_OVER_SECONDS = 10.0
_PROVEN_SECONDS = 20.0
"""A child that has lived this long can work as asked."""
_LONGEST_PAUSE_SECONDS = 30.0
_WRONG_USE = ConfigurationError.exit_status


@dataclass
class CollectorProcess:
    """One collector as a child. `tell` gets what a person should know: that another process collects already, that it was started again.

    A killed collector is started again with growing pauses; one that says that it cannot work (exit status 2) is not, except
    that when another process already collects the channel its place is taken once that one is gone.
    """

    settings: Settings
    options: CollectOptions
    bootstrap_servers: str
    tell: Callable[[str], None]
    _child: subprocess.Popen[bytes] | None = None
    _next_start: float = 0.0
    _failures: int = 0
    _started: float = 0.0
    _proven: bool = False
    _told: str = ""
    finished: bool = False
    """The source has come to its end (a replay), or there is none to run."""

    def start(self) -> None:
        """Start the child; does nothing for `--source none`."""
        if self.options.source is SourceChoice.NONE:
            self.finished = True
            return
        options = replace(self.options, home=self.settings.home, parent=os.getpid(), may_simulate=self._may_simulate())
        # The job tells of its collector itself: one port for both, and none that another job of the home has taken.
        alone = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers, "COINSPARK_METRICS_PORT": ""}
        environment = {**os.environ, **as_environment(self.settings), **alone}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches the job alone, which then stops its collector in order.
            self._child = subprocess.Popen(
                options.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        self._started = time.monotonic()

    def watch(self) -> None:
        """Look after the child; call it often. Raises ConfigurationError with the child's own words when it cannot work as asked."""
        if self.finished:
            return
        if self._child is None:
            if time.monotonic() >= self._next_start:
                self._start_in_place()
            return
        status = self._child.poll()
        if status is None:
            if time.monotonic() - self._started > _PROVEN_SECONDS:
                self._proven, self._failures = True, 0
            return
        self._child = None
        if status == 0:
            self.finished = True
            return
        said = self._last_line()
        if status == _WRONG_USE and self._is_collected():
            self._say(said)
            self._next_start = time.monotonic() + _TAKE_OVER_SECONDS
            return
        # What worked before is not wrong use: Kafka may be away for a moment.
        if status == _WRONG_USE and not self._proven:
            raise ConfigurationError(said or "the collector refused to start")
        self._failures += 1
        pause = min(2.0 ** (self._failures - 1), _LONGEST_PAUSE_SECONDS)
        self._next_start = time.monotonic() + pause
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"failed: {said}"
        self._say(f"the collector {how}; it starts again in {pause:g} s")

    def stop(self) -> None:
        """Stop the child in order: it flushes what it has. Kills it if that takes too long."""
        child, self._child = self._child, None
        self.finished = True
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.log.unlink(missing_ok=True)

    @property
    def pid(self) -> int | None:
        """The child's; None while there is none."""
        child = self._child
        return None if child is None else child.pid

    @property
    def log(self) -> Path:
        """What the child prints."""
        return self.settings.home / "collect" / f"{'+'.join(self.options.channels)}-{os.getpid()}.log"

    def _start_in_place(self) -> None:
        """Start again, unless another process collects the channel: finding out by a child of our own would cost a second of CPU each time."""
        if self._is_collected():
            self._next_start = time.monotonic() + _TAKE_OVER_SECONDS
        else:
            self.start()

    def _is_collected(self) -> bool:
        """Whether another process holds a lease of the channels."""
        return any(is_collected(self.settings.home, channel) for channel in self.options.channels)

    def _may_simulate(self) -> bool:
        return self.settings.is_bare if self.options.may_simulate is None else self.options.may_simulate

    def _last_line(self) -> str:
        said = last_event(self.log.read_text(errors="replace")) if self.log.exists() else ""
        return said.removeprefix("coinspark: ")

    def _say(self, message: str) -> None:
        if message != self._told:
            self._told = message
            self.tell(message)
