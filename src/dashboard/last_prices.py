"""The last price of each market in USD, as `market_arbitrage` has it: one question for all that show prices of now."""

from __future__ import annotations

from collections.abc import Iterator

from src.config.settings import Settings
from src.dashboard.freshness import prices_since
from src.dashboard.question import Question, Row
from src.dashboard.reading import Newest, Reading

PRICE = "last_price_usd_"
"""And the market: a column of the table."""
_AGE = "age_seconds_"


def prices_question(reading: Reading, newest: Newest, settings: Settings) -> Question:
    """For the last price of each market, and its age, of every symbol that has one now. newest: the newest row of `time_metrics`."""
    columns = [column.name for column in reading.tables["market_arbitrage"].columns if column.name.startswith((PRICE, _AGE))]
    return Question("market_arbitrage", ("symbol", *columns), (("source", newest.source),), prices_since(newest.time, settings))


def last_prices(row: Row) -> Iterator[tuple[str, float, float | None]]:
    """The markets of a row that have a price, each with that, USD, and its age against the newest event of the row's window, seconds."""
    for name, price in row.items():
        market = name.removeprefix(PRICE)
        if market != name and price is not None:
            yield market, price, row[f"{_AGE}{market}"]
