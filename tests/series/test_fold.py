"""One series: windows are taken once, in order, and again from a corrected one on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from src.preprocess.series import Row, Series, SeriesMetric, series_rows
from src.series.fold import CORRECTABLE, ClosedWindow, SeriesFold, SeriesState
from tests.setting.series_made import BARS, EMA, LOUD, MINUTE, RUNNING, SQUARES, START, TABLES, Update, bar, closed_rows, flow, steps

COLUMNS = {name: [column.name for column in table.columns] for name, table in TABLES.items()}
NAMED = {"source": "live", "market": "upbit", "symbol": "BTC"}


class Slots:
    """A history that fails when a slot is read that was never put."""

    def __init__(self) -> None:
        self.slots: dict[int, bytes] = {}
        self.reads = 0

    def get(self, slot: int) -> ClosedWindow:
        self.reads += 1
        return msgspec.msgpack.decode(self.slots[slot], type=ClosedWindow)

    def put(self, slot: int, closed: ClosedWindow) -> None:
        assert 0 <= slot < CORRECTABLE
        self.slots[slot] = msgspec.msgpack.encode(closed)


class Kept:
    """A series over many batches; its state is stored as bytes in between."""

    def __init__(self, metric: Any = EMA, named: dict[str, Any] | None = None) -> None:
        self.metric = metric
        self.named = named or NAMED
        self.state = msgspec.msgpack.encode(SeriesState())
        self.history = Slots()
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.too_old = 0
        self.unfit = 0
        self.fault = ""

    def batch(self, *updates: Update, until: int) -> list[dict[str, Any]]:
        """Rows that came, and the minute after START up to which windows are closed. Returns what came out."""
        state = msgspec.msgpack.decode(self.state, type=SeriesState)
        fold = SeriesFold(self.metric, self.named, COLUMNS, state, self.history)
        for update in updates:
            window = (update.row["window_start"], update.row["window_end"])
            row_key = ",".join(str(update.row[name]) for name in update.table.key)
            fold.take(update.table.name, window, row_key, msgspec.json.encode(update.row))
        found = fold.close(START + until * MINUTE)
        self.too_old += fold.too_old
        self.unfit += fold.unfit
        self.fault = fold.fault
        self.state = msgspec.msgpack.encode(state)
        for row in found:
            self.rows[tuple(row[name] for name in ("source", *self.metric.keys, *self.metric.row_keys, "window_start"))] = row
        return found


def _oracle(*updates: Update, metric: Any = EMA) -> dict[tuple[Any, ...], dict[str, Any]]:
    return series_rows(metric, {table.name: [update.row for update in updates if update.table is table] for table in TABLES.values()})


def _minutes(rows: list[dict[str, Any]]) -> list[int]:
    return [(row["window_start"] - START) // MINUTE for row in rows]


def test_a_window_is_taken_when_it_is_closed_with_the_last_value_of_its_row() -> None:
    kept = Kept()
    assert kept.batch(bar("BTC", 0, 1.0), bar("BTC", 1, 5.0), until=0) == []
    assert kept.batch(bar("BTC", 0, 2.0), until=0) == []
    assert kept.batch(until=1) == [{**NAMED, "window_start": START, "window_end": START + MINUTE, "ema": None, "trades": 1}]
    assert kept.batch(until=1) == []
    assert _minutes(kept.batch(bar("BTC", 2, 6.0), bar("BTC", 3, 7.0), until=4)) == [1, 2, 3]
    assert kept.rows == _oracle(bar("BTC", 0, 2.0), bar("BTC", 1, 5.0), bar("BTC", 2, 6.0), bar("BTC", 3, 7.0))
    assert kept.rows["live", "upbit", "BTC", START + 3 * MINUTE]["ema"] == pytest.approx(0.8 * (0.8 * (0.8 * 2 + 0.2 * 5) + 0.2 * 6) + 0.2 * 7)
    # Closing reads nothing of what is closed already.
    assert kept.history.reads == 0


def test_a_correction_is_carried_on_and_gives_only_the_rows_that_change() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(10)]
    kept.batch(*bars, until=10)
    bars[4] = bar("BTC", 4, 99.0)
    assert _minutes(kept.batch(bars[4], until=10)) == [4, 5, 6, 7, 8, 9]
    assert kept.rows == _oracle(*bars)
    # The mean is not shown so early, but it is in all later ones.
    bars[0] = bar("BTC", 0, 50.0)
    assert _minutes(kept.batch(bars[0], until=10)) == [3, 4, 5, 6, 7, 8, 9]
    bars[8] = bar("BTC", 8, 8.0, trades=2)
    assert _minutes(kept.batch(bars[8], until=10)) == [8]
    assert kept.rows == _oracle(*bars)


def test_the_same_value_again_is_no_correction() -> None:
    kept = Kept()
    kept.batch(*(bar("BTC", minute) for minute in range(10)), until=10)
    assert kept.batch(*(bar("BTC", minute) for minute in range(10)), until=10) == []


def test_a_window_that_first_comes_after_later_ones_were_closed_is_put_in_its_place() -> None:
    for missing in (0, 4, 9):
        kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(10)]
        kept.batch(*bars[:missing], *bars[missing + 1 :], until=10)
        kept.batch(bars[missing], until=10)
        assert kept.rows == _oracle(*bars)
        assert kept.batch(bar("BTC", 9, 9.0), bar("BTC", 0, 0.0), until=10) == []


def test_corrections_missing_windows_and_new_ones_in_one_batch() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(12)]
    kept.batch(*bars[:3], *bars[4:10], until=10)
    bars[6], bars[7] = bar("BTC", 6, 60.0), bar("BTC", 7, None)
    kept.batch(bars[11], bars[7], bars[3], bars[6], bars[10], until=12)
    assert kept.rows == _oracle(*bars)


def test_the_last_64_windows_can_be_corrected_and_older_ones_are_counted() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(100)]
    for minute, each in enumerate(bars):
        kept.batch(each, until=minute + 1)
    assert kept.batch(bar("BTC", 35, 1000.0), until=100) == []
    assert kept.too_old == 1
    assert kept.rows == _oracle(*bars)
    bars[36] = bar("BTC", 36, 1000.0)
    assert _minutes(kept.batch(bars[36], until=100)) == list(range(36, 100))
    assert kept.rows == _oracle(*bars)
    assert len(kept.history.slots) == CORRECTABLE
    # Even the very same value of a window that is forgotten cannot be told from another one.
    kept.batch(bars[0], until=100)
    assert kept.too_old == 2


def test_a_gap_among_the_last_64_is_filled_and_pushes_the_oldest_out() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(80)]
    kept.batch(*bars[:50], *bars[51:], until=80)
    kept.batch(bars[50], until=80)
    assert kept.rows == _oracle(*bars)
    bars[16] = bar("BTC", 16, 5.5)
    kept.batch(bars[16], until=80)
    assert (kept.rows, kept.too_old) == (_oracle(*bars), 0)
    kept.batch(bar("BTC", 15, 5.5), until=80)
    assert (kept.rows, kept.too_old) == (_oracle(*bars), 1)


def test_nothing_is_forgotten_while_no_more_than_64_are_closed() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(CORRECTABLE + 1)]
    kept.batch(*bars[1:], until=CORRECTABLE + 1)
    kept.batch(bars[0], until=CORRECTABLE + 1)
    assert (kept.rows, kept.too_old) == (_oracle(*bars), 0)
    assert kept.batch(bar("BTC", 0, 7.0), until=CORRECTABLE + 1) == []
    assert kept.too_old == 1


def test_a_long_window_that_closes_behind_more_than_64_short_ones_is_counted() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(1, 70)]
    kept.batch(Update(BARS, {**bar("BTC", 0).row, "window_end": START + 80 * MINUTE}), until=0)
    for minute, each in enumerate(bars, 1):
        kept.batch(each, until=minute + 1)
    assert kept.batch(until=80) == []
    assert (kept.rows, kept.too_old) == (_oracle(*bars), 1)


def test_more_windows_than_are_kept_close_at_once() -> None:
    kept, bars = Kept(), [bar("BTC", minute, float(minute)) for minute in range(300)]
    kept.batch(*bars, until=300)
    assert kept.rows == _oracle(*bars)
    bars[299], bars[236] = bar("BTC", 299, 0.5), bar("BTC", 236, 0.25)
    kept.batch(bars[299], bars[236], bar("BTC", 235, 0.25), until=300)
    assert (kept.rows, kept.too_old) == (_oracle(*bars), 1)


def test_rows_of_several_metrics_and_windows_of_several_lengths_in_one_series() -> None:
    kept = Kept(RUNNING, {"source": "live", "symbol": "BTC"})
    hour = Update(BARS, {**bar("BTC", 0).row, "window_end": START + 5 * MINUTE})
    given = [bar("BTC", 0), flow("BTC", 0, "buy", 2.0), flow("BTC", 0, "sell", 1.0), flow("BTC", 1, "buy", 4.0), hour, bar("BTC", 3)]
    kept.batch(*given, until=4)
    # The long window began before the others and ends after them: they are taken again behind it.
    kept.batch(until=5)
    assert kept.rows == _oracle(*given, metric=RUNNING)
    assert kept.rows["live", "BTC", "buy", START + MINUTE] == {
        "source": "live",
        "symbol": "BTC",
        "window_start": START + MINUTE,
        "window_end": START + 2 * MINUTE,
        "side": "buy",
        "volume": 6.0,
        "windows": 3,
        "bars": 2,
    }


def test_a_row_of_an_earlier_version_has_null_for_a_column_that_it_lacks() -> None:
    kept = Kept()
    old = {name: value for name, value in bar("BTC", 0).row.items() if name != "trades"}
    (row,) = kept.batch(Update(BARS, {**old, "gone": 1}), until=1)
    assert row["trades"] is None


@pytest.mark.parametrize(
    ("odd", "fault"),
    [
        (bar("BTC", 1, None), "TypeError: unsupported operand"),
        (bar("BTC", 1, 1e200), "OverflowError: "),
        (bar("BTC", 1, trades=2**64), "ValueError: trades has more than 64 bits"),
        (bar("BTC", 1, trades=2**63), "ValueError: trades has more than 64 bits"),
        (Update(BARS, {name: value for name, value in bar("BTC", 1).row.items() if name not in ("close", "trades")}), "TypeError: "),
    ],
)
def test_a_window_that_a_fold_cannot_take_is_left_out_alone_and_its_rows_are_counted(odd: Update, fault: str) -> None:
    kept = Kept(SQUARES)
    fine = [bar("BTC", 0, 3.0), bar("BTC", 2, 4.0)]
    assert _minutes(kept.batch(*fine, odd, until=3)) == [0, 2]
    assert kept.rows["live", "upbit", "BTC", START + 2 * MINUTE]["squares"] == 25.0
    assert kept.rows == _oracle(*fine, odd, metric=SQUARES) == _oracle(*fine, metric=SQUARES)
    assert kept.unfit == 1
    assert kept.fault.startswith(f"live upbit BTC: {fault}")


def test_what_was_left_out_is_counted_once_and_comes_in_when_it_is_corrected() -> None:
    kept, bars = Kept(SQUARES), [bar("BTC", 0, 3.0), bar("BTC", 1, None), bar("BTC", 2, 4.0)]
    kept.batch(*bars, until=3)
    bars[0] = bar("BTC", 0, 1.0)
    assert _minutes(kept.batch(bars[0], until=3)) == [0, 2]
    assert (kept.unfit, kept.rows) == (1, _oracle(*bars, metric=SQUARES))
    bars[1] = bar("BTC", 1, 2.0)
    assert _minutes(kept.batch(bars[1], until=3)) == [1, 2]
    assert (kept.unfit, kept.rows) == (1, _oracle(*bars, metric=SQUARES))


def test_a_window_that_can_be_taken_no_more_says_null_instead_of_what_it_said() -> None:
    kept = Kept(SQUARES)
    kept.batch(bar("BTC", 0, 3.0), bar("BTC", 1, 4.0), until=2)
    window = {"window_start": START, "window_end": START + MINUTE}
    found = kept.batch(bar("BTC", 0, None), until=2)
    assert found[0] == {**NAMED, **window, "squares": None, "trades": None}
    assert [(row["squares"], row["trades"]) for row in found[1:]] == [(16.0, 1)]
    assert kept.unfit == 1


def test_a_fold_that_gives_no_row_key_or_what_nothing_can_carry_leaves_out_the_window() -> None:
    class Strange(Series):
        def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
            return state, [{"side": None if row["volume"] == 2.0 else "buy", "volume": 1j if row["volume"] == 3.0 else 0.0} for row in rows["flows"]]

    kept = Kept(replace(LOUD, series=Strange()), {"source": "live", "symbol": "BTC"})
    assert _minutes(kept.batch(*(flow("BTC", minute, "buy", float(minute)) for minute in range(5)), until=5)) == [0, 1, 4]
    assert kept.unfit == 2


def test_a_row_that_a_correction_takes_away_comes_with_its_keys_and_nulls() -> None:
    kept = Kept(LOUD, {"source": "live", "symbol": "BTC"})
    window = {"source": "live", "symbol": "BTC", "window_start": START, "window_end": START + MINUTE}
    kept.batch(flow("BTC", 0, "buy", 5.0), flow("BTC", 0, "sell", 3.0), until=1)
    assert kept.batch(flow("BTC", 0, "buy", 0.5), until=1) == [{**window, "side": "buy", "volume": None}]
    # It is said once.
    assert kept.batch(flow("BTC", 0, "sell", 2.0), until=1) == [{**window, "side": "sell", "volume": 2.0}]
    assert kept.batch(flow("BTC", 0, "buy", 7.0), until=1) == [{**window, "side": "buy", "volume": 7.0}]
    assert kept.unfit == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("metric", [EMA, RUNNING], ids=lambda metric: metric.name)
def test_any_arrival_in_small_batches_gives_the_rows_of_the_batch_computation(metric: SeriesMetric, seed: int) -> None:
    given = steps(seed)
    series: dict[tuple[Any, ...], Kept] = {}
    closed: dict[str, int] = {}
    for step in given:
        closed |= step.closed_until
        arrived: dict[tuple[Any, ...], list[Update]] = defaultdict(list)
        for update in step.updates:
            if update.table.name in metric.of:
                key = tuple(update.row[name] for name in ("source", *metric.keys))
                series.setdefault(key, Kept(metric, dict(zip(("source", *metric.keys), key, strict=True))))
                arrived[key].append(update)
        for key, kept in series.items():
            kept.batch(*arrived[key], until=(closed.get(str(key[0]), 0) - START) // MINUTE)
    rows = {key: row for kept in series.values() for key, row in kept.rows.items()}
    assert rows == series_rows(metric, closed_rows(given))
    assert len(rows) > 100
    assert any(kept.history.reads for kept in series.values())
