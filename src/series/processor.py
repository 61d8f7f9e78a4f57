"""All series of a job, folded in Spark: state of `transformWithState`, a bucket of series under one key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from pyspark.sql import Row
from pyspark.sql.streaming.stateful_processor import MapState, StatefulProcessor, StatefulProcessorHandle, TimerValues

from src.preprocess.series import SeriesMetric
from src.series.fold import CORRECTABLE, ClosedWindow, SeriesFold, SeriesState, forgotten_from
from src.series.messages import Given, GivenRow

OUTPUT = "metric string, row binary, left_out long, fault string"
"""A row of a metric (MessagePack). Or without `row`, how many rows came too late for it, or with `fault`, could not be taken, and why of one of them.
Or without `metric`, messages that are no rows."""


class _Progress(msgspec.Struct, array_like=True):
    """How far each source has come in a bucket, and how far it must come for something to be done: a window closed, or a series forgotten."""

    closed_until: dict[str, int] = msgspec.field(default_factory=dict)
    next_due: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        """Whether there is something to be done."""
        return any(time <= self.closed_until.get(source, 0) for source, time in self.next_due.items())


_States = dict[str, dict[str, SeriesState]]
"""By source and then by series."""


@dataclass(frozen=True)
class _Kept:
    """The history of one series in the state of its bucket."""

    windows: MapState
    series: str

    def get(self, slot: int) -> ClosedWindow:
        (found,) = self.windows.getValue((self.series, slot)) or (b"",)
        return _closed_window.decode(found)

    def put(self, slot: int, closed: ClosedWindow) -> None:
        self.windows.updateValue((self.series, slot), (msgspec.msgpack.encode(closed),))

    def forget(self, closed: int) -> None:
        """Forget the windows of the series, of which so many were closed."""
        for slot in range(min(closed, CORRECTABLE)):
            self.windows.removeKey((self.series, slot))


class SeriesProcessor(StatefulProcessor):
    """Keeps the newest value of each row of an open window, closes windows, and yields the rows of the metrics.

    Spark's own watermark and timers are not used: they know one time for all sources, and rows behind it would be dropped unseen.
    columns: by metric that is read, the columns of its rows.
    """

    def __init__(self, metrics: Sequence[SeriesMetric], columns: Mapping[str, Sequence[str]]) -> None:
        self._metrics = {metric.name: metric for metric in metrics}
        self._columns = columns

    def init(self, handle: StatefulProcessorHandle) -> None:
        # Three, so that the large parts are read and written only when they change: most batches close nothing.
        self._progress = handle.getValueState("progress", "progress binary")
        self._series = handle.getValueState("series", "series binary")
        self._closed = handle.getMapState("closed", "series string, slot int", "closed binary")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: TimerValues) -> Iterator[Row]:  # type: ignore[override] # noqa: N802, N803
        del key, timerValues
        kept = self._progress.get()
        progress = _Progress() if kept is None else _progress.decode(kept[0])
        closed_before = dict(progress.closed_until)
        newest: dict[tuple[str, str, tuple[int, int], str], GivenRow] = {}
        strangers = 0
        for each in rows:
            given = _given.decode(each.given)
            strangers += given.strangers
            for source, time in given.closed_until.items():
                progress.closed_until[source] = max(time, progress.closed_until.get(source, time))
            for row in given.rows:
                # A row is always on one partition, and after the shuffle only the offset tells which of its values is the newest.
                name = (row.series, row.metric, row.window, row.row_key)
                if name not in newest or newest[name].offset < row.offset:
                    newest[name] = row
        if strangers:
            yield Row(metric=None, row=None, left_out=strangers, fault=None)
        if newest or progress.is_due:
            yield from self._fold(newest.values(), progress, closed_before)
        self._progress.update((msgspec.msgpack.encode(progress),))

    def _fold(self, rows: Iterable[GivenRow], progress: _Progress, closed_before: Mapping[str, int]) -> Iterator[Row]:
        kept = self._series.get()
        states: _States = {} if kept is None else _states.decode(kept[0])
        folds: dict[str, SeriesFold] = {}
        for row in rows:
            if forgotten_from(row.window) <= closed_before.get(row.source, 0):
                # Its series may have been forgotten since, and begun anew from here it would overwrite what it has said.
                yield Row(metric=msgspec.json.decode(row.series)[0], row=None, left_out=1, fault=None)
                continue
            if row.series not in folds:
                folds[row.series] = self._opened(row.series, states.setdefault(row.source, {}).setdefault(row.series, SeriesState()))
            folds[row.series].take(row.metric, row.window, row.row_key, row.row)
        for source, of_source in states.items():
            closed_until = progress.closed_until.get(source, 0)
            for series, state in of_source.items():
                if series in folds or any(end <= closed_until for _, end in state.open):
                    yield from _finished(folds.get(series) or self._opened(series, state), closed_until)
            self._forget(of_source, closed_until)
            due = [end for state in of_source.values() for _, end in state.open]
            due += [time for state in of_source.values() if (time := state.forgotten_from) is not None]
            progress.next_due.pop(source, None)
            if due:
                progress.next_due[source] = min(due)
        self._series.update((msgspec.msgpack.encode({source: of_source for source, of_source in states.items() if of_source}),))

    def _forget(self, of_source: dict[str, SeriesState], closed_until: int) -> None:
        """Forget the series that have been silent for too long: a symbol that is traded no more would be kept for ever."""
        silent = [series for series, state in of_source.items() if (time := state.forgotten_from) is not None and time <= closed_until]
        for series in silent:
            _Kept(self._closed, series).forget(of_source.pop(series).closed)

    def _opened(self, series: str, state: SeriesState) -> SeriesFold:
        name, *values = msgspec.json.decode(series)
        metric = self._metrics[name]
        named = dict(zip(("source", *metric.keys), values, strict=True))
        return SeriesFold(metric, named, self._columns, state, _Kept(self._closed, series))


def _finished(fold: SeriesFold, closed_until: int) -> Iterator[Row]:
    for row in fold.close(closed_until):
        yield Row(metric=fold.metric.name, row=msgspec.msgpack.encode(row), left_out=0, fault=None)
    if fold.too_old:
        yield Row(metric=fold.metric.name, row=None, left_out=fold.too_old, fault=None)
    if fold.unfit:
        yield Row(metric=fold.metric.name, row=None, left_out=fold.unfit, fault=fold.fault)


_given = msgspec.msgpack.Decoder(Given)
_closed_window = msgspec.msgpack.Decoder(ClosedWindow)
_states = msgspec.msgpack.Decoder(_States)
_progress = msgspec.msgpack.Decoder(_Progress)
