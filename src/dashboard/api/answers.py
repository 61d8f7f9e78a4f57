"""Answers with rows of a table: asked for, bounded, and with the cursor of what is behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Response

from src.dashboard.api.cursor import CURSOR, FROM, TO, cursor_of, place_of
from src.dashboard.api.limits import Clients, Limits
from src.dashboard.api.parameters import Parameter, Value
from src.dashboard.api.problems import Fault, Refused, nearest, wrong_input
from src.dashboard.api.served import ServedTable
from src.dashboard.question import Question, Row
from src.dashboard.reading import Reading
from src.schema.kinds import Kind

ROOT = "/api/v1"
_RECENT_MS = 3_600_000
_RECENT_ROWS = 5_000


@dataclass(frozen=True)
class Api:
    """What endpoints share."""

    reading: Reading
    tables: Mapping[str, ServedTable]
    clients: Clients

    @property
    def limits(self) -> Limits:
        """Of one client."""
        return self.clients.limits

    def table(self, name: str) -> ServedTable:
        """A table by name. Raises Refused, 404, with the nearest names."""
        if name not in self.tables:
            what = f"there is no table {name[:64]!r}"
            raise Refused(404, "no such table", what, [Fault("table", what, nearest(name, self.tables))])
        return self.tables[name]


def row_parameters(table: ServedTable, limits: Limits) -> tuple[Parameter, ...]:
    """What a request for rows of a table may say."""
    limit = Parameter("limit", "How many rows at most.", Kind.LONG, least=1, most=limits.rows, default=limits.rows_unasked)
    return (*table.keys, FROM, TO, limit, CURSOR)


def rows_answer(api: Api, table: ServedTable, given: Mapping[str, Value]) -> dict[str, Any]:
    """An answer as `rows_model` describes it. Raises Refused, and DatabaseAway."""
    where = tuple((parameter.name, given[parameter.name]) for parameter in table.keys if parameter.name in given)
    limit = int(given["limit"])
    looked_since, after = place_of(table, str(given["cursor"])) if "cursor" in given else (None, ())
    since, until = _time(given, "from"), _time(given, "to")
    if since is not None and until is not None and since >= until:
        raise wrong_input([Fault("to", f"{until} is not after from, which is {since}")])
    if since is None:
        # The newest row of now would put it elsewhere than for the answer before.
        since = table.beginning(api.reading, where, limit) if looked_since is None else looked_since
    rows: list[Row] = []
    if since is not None:
        # One more than is wanted says whether there are more.
        rows = api.reading.rows(Question(table.name, (), where, since, limit + 1, until, is_ordered=True, after=after))
    if not rows and not after and since is not None:
        _refuse_unknown(api, table, dict(where))
    shown = rows[:limit]
    cursor = cursor_of(table, shown[-1], since) if since is not None and len(rows) > limit else None
    return {"table": table.name, "from": since, "to": until, "rows": shown, "next_cursor": cursor}


def json_response(content: Any) -> Response:
    """As JSON: what is no finite number is null, as everything that is not known."""
    return Response(msgspec.json.encode(content), media_type="application/json", headers={"Cache-Control": "no-store"})


def _time(given: Mapping[str, Value], name: str) -> int | None:
    return int(given[name]) if name in given else None


def _refuse_unknown(api: Api, table: ServedTable, where: Mapping[str, Value]) -> None:
    """An empty answer is right for a symbol that there is; one that nobody has heard of is likely a slip."""
    symbol = where.get("symbol")
    if symbol is None or symbol in table.symbols:
        return
    newest = table.beginning(api.reading, (), 0)
    if newest is None:
        return
    since = newest + table.span_ms(None, 0) - _RECENT_MS
    seen = {row["symbol"] for row in api.reading.rows(Question(table.name, ("symbol",), (), since, _RECENT_ROWS))} - {None}
    if seen and symbol not in seen:
        what = f"there are no rows of {symbol!r} in {table.name}"
        raise Refused(404, "no such symbol", what, [Fault("symbol", what, nearest(str(symbol), sorted({*seen, *table.symbols})))])
