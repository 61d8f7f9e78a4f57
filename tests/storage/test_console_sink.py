"""What `--debug` prints."""

from __future__ import annotations

import io
from datetime import timedelta

from rich.cells import cell_len
from rich.console import Console

from src.schema.kinds import Kind
from src.storage.console import ConsoleSink
from src.storage.sink import Batch, as_sink
from tests.storage.rows import START, awkward, batch, row, schema

TABLE = schema("prices")


def printed(*batches: Batch, width: int = 140, rows: int = 20) -> str:
    out = io.StringIO()
    sink = as_sink(ConsoleSink(Console(file=out, width=width), rows))
    sink.open([])
    for given in batches:
        sink.write(given)
    sink.close()
    return out.getvalue()


def test_every_metric_of_a_batch_is_there_with_its_rows() -> None:
    other = schema("spreads", spread=Kind.DOUBLE)
    key = {name: value for name, value in row("ETH").items() if name in other.arrow().names}
    text = printed(batch(3, {TABLE: [row(price=64_250.5, records=1234, whole=True, signal="가격")], other: [{**key, "spread": 0.25}]}))
    for shown in ("prices: batch 3, 1 rows", "spreads: batch 3, 1 rows", "BTC", "ETH", "23:59:59", "64,250.50", "1,234", "yes", "가격", "0.25"):
        assert shown in text


def test_numbers_end_below_each_other() -> None:
    lines = printed(batch(0, {TABLE: [row("A", price=1.5), row("B", price=64_250.5)]})).splitlines()
    [short], [long] = ([line for line in lines if shown in line] for shown in ("1.5 ", "64,250.50 "))
    assert short.index("1.5 ") + 3 == long.index("64,250.50 ") + 9


def test_nothing_that_a_row_may_hold_hinders_printing() -> None:
    text = printed(batch(0, {TABLE: awkward(), schema("empty"): []}), rows=1_000)
    assert "empty" not in text
    assert "nan" not in text
    assert "inf" not in text
    for shown in ("비트코인", "[red]x[/red]", "1e-18", "1e+18"):
        assert shown in text


def test_the_newest_windows_are_shown_and_how_many_are_left_out() -> None:
    rows = [row(f"S{minute:02}", window_start=START + timedelta(minutes=minute)) for minute in range(30)]
    text = printed(batch(0, {TABLE: rows}), rows=2)
    assert "30 rows, first 2 shown" in text
    assert text.index("S29") < text.index("S28")
    assert "S27" not in text


def test_what_does_not_fit_goes_below_with_the_keys_again() -> None:
    wide = schema("wide", **{f"last_price_usd_{place}": Kind.DOUBLE for place in range(9)})
    values = {f"last_price_usd_{place}": 64_250.0 + place for place in range(9)}
    key = {name: value for name, value in row("비트코인").items() if name in wide.arrow().names}
    text = printed(batch(0, {wide: [{**key, **values}]}), width=100)
    assert max(map(cell_len, text.splitlines())) <= 100
    for place in range(9):
        assert f"last_price_usd_{place}" in text
        assert f"64,25{place}.00" in text
    assert text.count("비트코인") == text.count("│ live") > 1
    assert text.count("wide: batch 0") == 1
