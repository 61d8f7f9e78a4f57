"""Whales: a tape of large trades and runs, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from src.dashboard.components import chips, table
from src.dashboard.freshness import newest_event
from src.dashboard.question import Question
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View

_SPAN_MS = 24 * 3_600_000
_MOST = 200
_READ = ("symbol", "market", "quote", "kind", "side", "reason", "price", "size", "notional_usd", "trades", "event_time")
_COLUMNS = (
    Column("time", "time"),
    Column("symbol"),
    Column("market", "market"),
    Column("side", "side"),
    Column("notional_usd", "whole"),
    Column("price", "price"),
    Column("quote"),
    Column("size", "number"),
    Column("kind", "kind"),
    Column("trades", "whole"),
    Column("reason", "reason"),
)
_ALL = "all"


class WhaleView(View):
    """The newest whales of all symbols, or of one."""

    name: ClassVar[str] = "whales"
    order: ClassVar[int] = 50

    def load(self, reading: Reading, page: Page) -> Loaded:
        newest = reading.newest("whale_trades", page.choice.source or None)
        if newest is None:
            return Loaded(())
        # One question whatever the symbol: all pages share it.
        found = reading.rows(Question("whale_trades", _READ, (("source", newest.source),), newest.time - _SPAN_MS, 5_000))
        symbols = [_ALL, *sorted({row["symbol"] for row in found})]
        symbol = page.choice.symbol if page.choice.symbol in symbols else _ALL
        mine = [row for row in found if symbol in {_ALL, row["symbol"]}]
        rows = tuple(sorted(mine, key=lambda row: -row["event_time"])[:_MOST])
        return Loaded(rows, newest.source, newest_event(reading, newest, "trade"), {"symbol": symbols}, {"symbol": symbol})

    def show(self, loaded: Loaded, page: Page) -> Any:
        texts = page.texts
        names = {_ALL: texts("all")}
        options, chosen = loaded.options["symbol"], loaded.chosen["symbol"]
        choices = chips(texts("symbol"), "symbol", options, chosen, page.choice, lambda name: names.get(name, name))
        return [choices, *(table(sheet, page) for sheet in self.sheets(loaded, page))]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        del page
        names = ["event_time" if column.name == "time" else column.name for column in _COLUMNS]
        return (Sheet("tape", _COLUMNS, [[row[name] for name in names] for row in loaded.rows]),)
