"""A streaming job from start to stop. The jobs there are stand in src/setting/jobs.py."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from src.broker.cluster import cluster
from src.broker.ranges import TopicPartition
from src.broker.topics import TopicSpec, beginning_offsets, ensure_topics
from src.collect.options import CollectOptions, SourceChoice
from src.collect.plan import plan as check_collect_options
from src.collect.replay_run import finish_run
from src.config import Settings, load_settings
from src.errors import TerminalError
from src.logs.by_settings import logged_job
from src.schema.records import DEAD_LETTER_TOPIC
from src.setting.checkpoint import Checkpoint, Lineage, Origin, checkpoint
from src.setting.collecting import CollectorProcess
from src.setting.further_queries import further_queries
from src.setting.monitored import monitored, served
from src.setting.organization import AVAILABLE_NOW, _SparkSettingOrganization
from src.setting.plain_view import PlainView
from src.setting.progress import View
from src.setting.query_end import stop_queries
from src.setting.raw_query import check_raw, keep_raw
from src.setting.replaying import check_windows_are_open, has_read_everything
from src.setting.series_query import series_checkpoint
from src.setting.session import remove_left_behind, stop_spark
from src.setting.sinks import keep_store, open_clickhouse, open_database, open_sinks, tried_again
from src.setting.spark_errors import cause
from src.setting.stopping import listen, signals_set
from src.setting.warming import warm_workers
from src.setting.watching import Watch
from src.setting.whole import whole_from
from src.storage.sql_engine import parsed, shown

_RESTARTS = 5
_HEALTHY_SECONDS = 300.0


class SparkStreamingCoinAverage(_SparkSettingOrganization):
    """A job from start to stop: Kafka, collector, Spark session, one query for all metrics, sinks, and an orderly end.

    settings: those of the environment and `.env` when left out. collect: where frames come from (the default: live exchanges).
    view: what shows the run; plain lines when left out. `begin_at`: "earliest" or "latest", for a query that has no checkpoint yet.
    `remarks`: lines that the view shows with those of the run.
    """

    collector: CollectorProcess | None = None
    series_folder: str | None = None
    """Checkpoint of the query over closed windows; None without one."""

    def __init__(
        self, settings: Settings | None = None, *, collect: CollectOptions | None = None, view: View | None = None, begin_at: str | None = None
    ) -> None:
        super().__init__(settings or load_settings())
        self.collect = self._with_derivatives(collect or CollectOptions(channels=(self.channel,)))
        self.view: View = view or PlainView()
        self.begin_at = begin_at
        self.remarks: list[str] = []

    def run(self, *, debug: bool = False) -> None:
        """Run until the source and its records are used up (trigger available-now), SIGINT or SIGTERM; `debug` shows batches instead of storing them.

        Raises CoinSparkError for everything that a person can put right; nothing is left running then either.
        """
        with logged_job(self.settings, self.name), signals_set(self.stopping), ExitStack() as ended, ExitStack() as stack:
            # What the user must mend is said before anything that takes seconds to start.
            replay = check_collect_options(self.collect, self.settings).replay
            if not debug:
                stack.enter_context(served(self))
                check_raw(self)
                open_database(self, stack)
                open_clickhouse(self, stack)
            session = self._begin(stack)
            if session is None:
                return
            kept = stack.enter_context(self._debug_checkpoint() if debug else self._checkpoint())
            stack.enter_context(monitored(self, session, debug=debug))
            if not debug:
                self._keep_series(stack)
                keep_raw(self, stack)
            open_sinks(self, stack, debug=debug)
            if replay is not None:
                check_windows_are_open(replay, kept, self.settings.home)
            warn = partial(self.view.say, level="warning")
            collector = self.collector = CollectorProcess(self.settings, self.collect, self.cluster.bootstrap_servers, warn)
            stack.callback(collector.stop)
            collector.start()
            ended.callback(self.view.ended, f"{self.name}: stopped" + ("" if debug else "; the next start goes on from here"))
            self.view.began(self.name, self.tables, self._origin_lines(kept, debug=debug))
            keep_store(self, stack, debug=debug)
            watch = Watch(self, collector, self.view)
            with watch.looking(), tried_again(self, watch.end):
                while self.settings.trigger == AVAILABLE_NOW and replay is not None and not collector.finished and not self.stopping.wait(0.2):
                    pass
                self._run_query(session)
            if watch.failure is not None and not isinstance(watch.failure, BrokenPipeError):
                raise watch.failure
            if replay is not None and not debug and collector.finished and has_read_everything(kept, self.cluster.bootstrap_servers, self.topics):
                finish_run(self.settings.home, replay.identity)

    def _with_derivatives(self, options: CollectOptions) -> CollectOptions:
        """With the venues of derivatives that the job reads too, where the markets are those of the settings."""
        if options.markets is not None or options.source in {SourceChoice.REPLAY, SourceChoice.NONE} or not self.derivatives:
            return options
        return replace(options, markets=tuple(dict.fromkeys((*self.settings.markets, *self.derivatives))))

    def _begin(self, stack: ExitStack) -> SparkSession | None:
        """Broker and topics, Spark, and the import of pandas (which the plan wants) go side by side, as each takes seconds.

        None when the job was asked to stop meanwhile.
        """
        manager = cluster(self.settings, f"{self.name} job")
        with ThreadPoolExecutor(3) as pool:
            starting = pool.submit(manager.__enter__)
            topics = pool.submit(lambda: ensure_topics(starting.result().bootstrap_servers, self._topic_specs()))
            pool.submit(import_module, "pandas")
            # Unwound in this order whichever of the two fails: Spark first, then the broker that it reads from.
            stack.callback(lambda: starting.exception() or manager.__exit__(None, None, None))
            session = self._create_spark_session()
            stack.callback(stop_spark, session)
            warm_workers(session)
            self.cluster = starting.result()
            topics.result()
        # PySpark has put its own handler for SIGINT in place.
        listen(self.stopping)
        return None if self.stopping.is_set() else session

    def _topic_specs(self) -> list[TopicSpec]:
        """Raw topics keep everything for the retention; a metric's topic keeps the last value of each row for that long."""
        settings = self.settings
        retention = settings.retention_hours * 3_600_000
        raw = [(topic, "delete") for topic in (*self.topics, DEAD_LETTER_TOPIC)]
        rows = [(table.topic, "compact,delete") for table in self.tables]
        return [TopicSpec(topic, settings.topic_partitions, settings.topic_replication, retention, cleanup) for topic, cleanup in raw + rows]

    def checkpoint_identity(self, cluster_id: str) -> tuple[str, ...]:
        """What a checkpoint of this job belongs to: the cluster's data, the metrics and what is let in, the topics read."""
        return (cluster_id, self.plan.fingerprint, repr(self.admission), *self.topics)

    @contextmanager
    def _checkpoint(self) -> Iterator[Checkpoint]:
        with checkpoint(self.settings.home, self.name, *self.checkpoint_identity(self.cluster.cluster_id)) as kept:
            first = beginning_offsets(self.cluster.bootstrap_servers, self.topics)
            if any(offset < first.get(TopicPartition(*place), 0) for place, offset in kept.offsets().items()):
                self.view.say(
                    f"Kafka has dropped records that were not read yet: state starts anew from the retained ones ({kept.set_aside()})", "warning"
                )
            replaced = kept.replaces
            if replaced is not None:
                self.view.say(
                    f"metrics, markets or Kafka changed since the last run: state starts anew from the retained records (was {replaced.name})"
                )
            if kept.origin() is None:
                now = round(time.time() * 1000)
                whole = now if self.begin_at == "latest" else whole_from(self.cluster.bootstrap_servers, self.topics)
                kept.begin(Origin(whole, kept.next_generation()))
            self.whole_from = (kept.origin() or Origin()).whole_from
            self.lineage = kept.lineage()
            self.checkpoint_folder = str(kept.folder)
            self.starting_offsets = self.begin_at or "earliest"
            yield kept

    @contextmanager
    def _debug_checkpoint(self) -> Iterator[Checkpoint]:
        """A folder of its own, gone afterwards: looking on must not move or disturb the job that stores."""
        folder = self.settings.home.absolute() / "debug" / str(os.getpid())
        remove_left_behind(folder.parent)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.checkpoint_folder = str(folder)
        self.starting_offsets = self.begin_at or "latest"
        kept = Checkpoint(self.name, folder)
        self.lineage = Lineage(f"debug-{os.getpid()}", kept.next_generation())
        try:
            yield kept
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep_series(self, stack: ExitStack) -> None:
        """Hold the checkpoint of the query over closed windows, where there are metrics for one."""
        if self.series.metrics:
            kept = stack.enter_context(series_checkpoint(self))
            if kept.replaces is not None:
                self.view.say(f"metrics over closed windows changed: they start anew from the retained rows (was {kept.replaces.name})")
            if kept.origin() is None:
                kept.begin(Origin(generation=kept.next_generation()))
            self.series_lineage = kept.lineage()
            self.series_folder = str(kept.folder)

    @property
    def database_url(self) -> str:
        """The settings' database, or the SQLite file in the home folder."""
        return self.settings.database_address

    def _origin_lines(self, kept: Checkpoint, *, debug: bool) -> list[str]:
        place = f"Kafka {self.cluster.bootstrap_servers}{' (embedded)' if self.cluster.is_embedded else ''}"
        if debug:
            return [place, f"nothing is stored; reading from {self.starting_offsets}", *self.remarks]
        begin = f"begins with the {self.starting_offsets} records" if kept.is_new else "goes on from its checkpoint"
        clickhouse = "" if self.clickhouse is None else f", to ClickHouse {self.clickhouse.shown}{' (raw records too)' if self.raw else ''}"
        lines = [place, f"rows to {shown(parsed(self.database_url))}{clickhouse} and to the metrics' topics", begin]
        if self.whole_from:
            lines.append(f"windows before {datetime.fromtimestamp(self.whole_from / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC are not whole and left out")
        return [*lines, *self.remarks]

    def _run_query(self, session: SparkSession) -> None:
        """Run the query; one that ends by a fault of the surroundings (a broker killed) begins again from its checkpoint, a few times."""
        restarts, since = 0, time.monotonic()
        while not self.stopping.is_set():
            self.failure = None
            queries = [self._process_and_send(self._process_select_expr(self._stream_kafka_session(session)))]
            all_there_is = self.settings.trigger == AVAILABLE_NOW
            try:
                further = further_queries(self, session, all_there_is=all_there_is)
                if not all_there_is:
                    queries += [start() for start in further]
                self._await_all(queries)
                # What the first query has written is what others read.
                while all_there_is and further and queries[-1].exception() is None and not self.stopping.is_set():
                    queries.append(further.pop(0)())
                    self._await_all(queries[-1:])
                error = None if self.stopping.is_set() else next((found for query in queries if (found := query.exception()) is not None), None)
            except (Py4JError, OSError) as gone:
                raise TerminalError(f"Spark's JVM is gone ({type(gone).__name__}): start the same command again, it goes on from here") from gone
            finally:
                stop_queries(queries, self.figures.queries)
            if isinstance(self.failure, BrokenPipeError):
                # Whoever read what we print has gone; that is no fault.
                return
            if error is None:
                return
            if self.failure is not None:
                raise self.failure
            restarts = 1 if time.monotonic() - since > _HEALTHY_SECONDS else restarts + 1
            since = time.monotonic()
            if restarts > _RESTARTS:
                raise TerminalError(f"the {self.name} query ended {restarts} times in a row: {cause(error)}")
            self.figures.restarts += 1
            self.view.say(f"the query ended ({cause(error)}); it begins again from its checkpoint", "warning")
            self.stopping.wait(2.0 * restarts)
