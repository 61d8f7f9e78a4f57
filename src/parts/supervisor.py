"""`up`: broker and ClickHouse held, the parts started as children, watched, and stopped in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from src.broker.cluster import Cluster, cluster
from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.collect.options import SourceChoice
from src.collect.replay_run import finish_run
from src.config.settings import Settings
from src.errors import CoinSparkError, TerminalError
from src.parts.child import Child, Patience
from src.parts.identity import ProcessIdentity, identity_of
from src.parts.leftover import stop_leftovers
from src.parts.parent import VARIABLE
from src.parts.plan import UpPlan, environment_of
from src.parts.record import UpRecord, alone, remove_record, up_folder, write_record

_LOOK_SECONDS = 0.5
JOB_SECONDS = 60.0
"""How long a job may take to stop: it finishes the batch that it is in."""
OTHER_SECONDS = 15.0
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """One run of `up`. `show` gets the record about twice a second, `say` what a person must read."""

    def __init__(
        self, plan: UpPlan, settings: Settings, show: Callable[[UpRecord], None], say: Callable[[str], None], patience: Patience | None = None
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._show = show
        self._write = say
        self._patience = patience or Patience()
        self._state = "starting"
        self._began = time.time_ns() // 1_000_000
        self._signals = 0
        self._children: dict[str, Child] = {}
        self._record: UpRecord | None = None
        self._told = ""

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP, or until no job is left that can run; a second signal ends the parts by force.

        Raises CoinSparkError for what keeps it from starting, TerminalError when all jobs have failed.
        """
        home = self._settings.home
        with ExitStack() as stack:
            stack.enter_context(alone(home))
            stack.enter_context(self._signals_heard())
            stop_leftovers(home, self._say)
            stack.callback(remove_record, home)
            self._children = self._made()
            self._tell()
            kafka = stack.enter_context(cluster(self._settings, "up"))
            clickhouse = self._clickhouse(stack)
            stack.callback(self._stop)
            if not self._signals:
                for child in self._children.values():
                    child.start()
                self._state = "running"
            self._watch(kafka, clickhouse)
        failed = [child for child in self._jobs() if child.state == "failed"]
        if failed and len(failed) == len(self._jobs()):
            raise TerminalError(f"no job is left: {failed[0].name} {failed[0].message} (all of it in {failed[0].record.log})")

    def _made(self) -> dict[str, Child]:
        folder = up_folder(self._settings.home)
        environment = environment_of(self._settings) | {VARIABLE: str(os.getpid())}
        made = {}
        for part in self._plan.parts:
            is_collector = part is self._plan.collector
            # A collector knows its parent by an option, and ends by itself when a replay does; whatever else ended it, it is wanted again.
            own = {name: value for name, value in environment.items() if not (is_collector and name == VARIABLE)}
            finished = self._collected if is_collector and self._plan.source == SourceChoice.REPLAY.value else None
            made[part.name] = Child(part.name, part.words, own, folder / f"{part.name}.log", self._patience, finished)
        return made

    def _collected(self) -> None:
        """A replay is on Kafka whole: another `up` plays it again."""
        if self._plan.replay_identity is not None:
            finish_run(self._settings.home, self._plan.replay_identity)

    def _clickhouse(self, stack: ExitStack) -> ClickHouseLease | None:
        if self._settings.clickhouse_url is None or self._settings.has_own_clickhouse:
            return None
        return stack.enter_context(EmbeddedClickHouse(self._settings).acquire("up"))

    def _watch(self, kafka: Cluster, clickhouse: ClickHouseLease | None) -> None:
        # No Event is waited for: a handler that sets it may come while this thread has the Event's own lock, and would never get it.
        while not self._signals:
            self._keep_servers(kafka, clickhouse)
            for child in self._children.values():
                child.watch()
            self._tell()
            if all(child.state == "failed" for child in self._jobs()):
                return
            time.sleep(_LOOK_SECONDS)

    def _keep_servers(self, kafka: Cluster, clickhouse: ClickHouseLease | None) -> None:
        try:
            if kafka.ensure_running():
                self._say("the embedded Kafka broker was gone and has been started again")
            if clickhouse is not None and clickhouse.ensure_running():
                self._say("the embedded ClickHouse was gone and has been started again")
            self._told = ""
        except CoinSparkError as error:
            # The parts that need it say so as well; it is tried again at the next look.
            if str(error) != self._told:
                self._say(str(error))
            self._told = str(error)

    def _jobs(self) -> list[Child]:
        return [self._children[part.name] for part in self._plan.jobs]

    def _stop(self) -> None:
        """Jobs, then the collector, then the dashboard: who reads is gone before who writes."""
        self._state = "stopping"
        self._end(self._jobs(), JOB_SECONDS)
        for part in (self._plan.collector, self._plan.dashboard):
            if part is not None:
                self._end([self._children[part.name]], OTHER_SECONDS)

    def _end(self, children: Sequence[Child], seconds: float) -> None:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + seconds
        killed = False
        while left := [child for child in children if not child.is_gone()]:
            if not killed and (time.monotonic() > deadline or self._signals > 1):
                killed = True
                for child in left:
                    child.kill()
            self._tell()
            time.sleep(0.1)
        self._tell()

    def _tell(self) -> None:
        record = UpRecord(
            supervisor=identity_of(os.getpid()) or ProcessIdentity(os.getpid(), self._began),
            started_time=self._began,
            state=self._state,
            source=self._plan.source,
            dashboard=self._plan.dashboard_address,
            parts=tuple(child.record for child in self._children.values()),
        )
        if record != self._record:
            write_record(self._settings.home, record)
            self._record = record
        # A terminal that was closed, or a pipe whose reader has gone, takes nothing, and the end is to be an orderly one all the same.
        with suppress(OSError):
            self._show(record)

    def _say(self, line: str) -> None:
        with suppress(OSError):
            self._write(line)

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            del number, frame
            self._signals += 1

        # A program started by nohup is to go on when its terminal is closed.
        numbers = [number for number in _NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
        before = [signal.signal(number, stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
