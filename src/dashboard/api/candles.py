"""Candles of one price, with the gaps between them and why there are some."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from src.dashboard.api.answers import Api, row_parameters, rows_answer
from src.dashboard.api.parameters import Parameter
from src.dashboard.api.problems import Fault, Refused, nearest
from src.dashboard.candle_gaps import gaps, ledger_lines
from src.dashboard.question import Question
from src.preprocess.metric import INTERVAL

TABLE = "candles"
_REQUIRED = ("symbol", "market", INTERVAL)
_DEFAULTS = {
    "source": " By default that of the newest candle.",
    "quote": " By default that of the price with the most trades lately.",
    "instrument": " By default that of the price with the most trades lately.",
}
_LATELY = 240


def candle_parameters(api: Api) -> tuple[Parameter, ...]:
    """What a request for candles must say, and may."""
    return tuple(
        replace(each, is_required=each.name in _REQUIRED, meaning=each.meaning + _DEFAULTS.get(each.name, ""))
        for each in row_parameters(api.tables[TABLE], api.limits)
    )


def candles_answer(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    """Candles of one price, and `gaps`. Raises Refused for a price that there is not, and DatabaseAway."""
    table = api.tables[TABLE]
    newest = api.reading.newest(TABLE, given.get("source"))
    if newest is not None:
        given = {"source": newest.source} | given
        given = _price(api, given, newest.time) | given
    answer = rows_answer(api, table, given)
    rows = answer["rows"]
    events = ledger_lines(api.reading, given["source"], given["market"], given["symbol"], rows[-1]["window_start"]) if rows else ()
    found = gaps(rows[::-1], events, table.lengths[given[INTERVAL]])
    return answer | {"gaps": [gap._asdict() for gap in found]}


def _price(api: Api, given: dict[str, Any], newest: int) -> dict[str, str]:
    """Quote and instrument of the price that has the most trades lately: two prices must not be one line."""
    table = api.tables[TABLE]
    asked = tuple((name, given[name]) for name in ("source", *_REQUIRED, "quote", "instrument") if name in given)
    # Looked for where the answer will look, so that old candles are found as well.
    since = given.get("from", newest - table.span_ms(given[INTERVAL], _LATELY))
    columns = ("quote", "instrument", "trades")
    rows = api.reading.rows(Question(TABLE, columns, asked, since, 4 * _LATELY, given.get("to")))
    trades: Counter[tuple[str, str]] = Counter()
    for row in rows:
        trades[row["quote"], row["instrument"]] += row["trades"] or 0
    if not trades:
        _refuse_unknown(api, given, newest)
        return {}
    quote, instrument = max(trades, key=lambda price: (trades[price], price))
    return {"quote": quote, "instrument": instrument}


def _refuse_unknown(api: Api, given: dict[str, Any], newest: int) -> None:
    """Say what was traded lately, where that is something else. Raises Refused."""
    recent = Question(TABLE, ("symbol", "market"), (("source", given["source"]), (INTERVAL, "5m")), newest - 3_600_000)
    traded = {(row["symbol"], row["market"]) for row in api.reading.rows(recent)}
    symbols = sorted({symbol for symbol, _ in traded})
    markets = sorted({market for symbol, market in traded if symbol == given["symbol"]})
    if symbols and given["symbol"] not in symbols:
        what = f"there are no candles of {given['symbol']!r}"
        raise Refused(404, "no such candles", what, [Fault("symbol", what, nearest(given["symbol"], symbols))])
    if markets and given["market"] not in markets:
        what = f"there are no candles of {given['symbol']} at {given['market']}"
        raise Refused(404, "no such candles", what, [Fault("market", what, nearest(given["market"], markets) or tuple(markets))])
