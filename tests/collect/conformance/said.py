"""Tickers, trades and book messages that an exchange can say, made by Hypothesis; and how its frame of one comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Frame, Pair, TickerChange
from src.schema.records import Side, Source, Ticker, Trade
from tests.collect.conformance.sent_fields import BOOK, BOOK_FIELDS, CHANGE, OPEN_IS_PREV_CLOSE, REST, TICKER, TICKER_FIELDS

MIDNIGHT_ZONES = {"upbit": ZoneInfo("UTC"), "bithumb": ZoneInfo("Asia/Seoul")}
NAMED_IDS = frozenset({"bybit_linear", "coinone"})
"""Markets whose trade ids need not be digits."""
MAXIMUM = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

prices = st.decimals(min_value="0.000000001", max_value=1_000_000_000, places=9).map(float)
sizes = st.decimals(min_value="0.000000001", max_value=1_000_000_000, places=9).map(float)
volumes = st.decimals(min_value=0, max_value=1_000_000_000_000, places=8).map(float)
event_times = st.integers(min_value=0, max_value=4_102_444_800_000)
digits = st.integers(min_value=1, max_value=MAXIMUM).map(str)
symbols = st.sampled_from(["BTC", "XRP", "1INCH", "T", "USDC", "0X0"])


def midnight(market: str, event_time: int) -> int:
    """Of the market's day; found by the calendar, where the parser finds it by arithmetic."""
    moment = (_EPOCH + timedelta(milliseconds=event_time)).astimezone(MIDNIGHT_ZONES[market])
    return (moment.replace(hour=0, minute=0, second=0, microsecond=0) - _EPOCH) // timedelta(milliseconds=1)


@st.composite
def identities(draw: st.DrawFn, market: str) -> dict[str, Any]:
    """The names and times that every record has."""
    exchange = EXCHANGES[market]
    event_time = draw(event_times)
    return {
        "market": market,
        "symbol": draw(symbols),
        "quote": draw(st.sampled_from(exchange.quotes)),
        "instrument": exchange.instrument,
        "source": Source.SIMULATED,
        "event_time": event_time,
        "received_time": event_time + 50,
    }


@st.composite
def tickers(draw: st.DrawFn, market: str) -> Ticker:
    """A ticker with any of all fields, those included that the market does not send."""
    values: dict[str, Any] = {field: draw(st.none() | prices) for field in ("price", "open", "high", "low", "prev_close", "bid", "ask")}
    values |= {field: draw(st.none() | volumes) for field in ("volume_24h", "quote_volume_24h", "bid_size", "ask_size", "acc_volume")}
    identity = draw(identities(market))
    if market in MIDNIGHT_ZONES and values["acc_volume"] is not None:
        values["acc_since"] = midnight(market, identity["event_time"])
    return Ticker(region=EXCHANGES[market].region, **identity, **values)


def read_ticker(ticker: Ticker) -> Parsed:
    """What must come back of a ticker: the fields that its market sends, as it sends them."""
    market = ticker.market
    values: dict[str, Any] = dict.fromkeys(TICKER_FIELDS - TICKER[market])
    if market in OPEN_IS_PREV_CLOSE:
        values["open"] = ticker.prev_close
    if market == "kraken":
        # It sends how far the price moved and the mean price of the volume: nothing where there is no price or volume.
        if ticker.price is None:
            values |= {"open": None, "prev_close": None}
        if not ticker.volume_24h:
            values["quote_volume_24h"] = None if ticker.quote_volume_24h is None else ticker.volume_24h
    read = msgspec.structs.replace(ticker, **values)
    return TickerChange(read, snapshot=True) if market == "bybit_linear" else read


@st.composite
def trades(draw: st.DrawFn, market: str) -> Trade:
    """A trade."""
    ids = digits | st.uuids(version=4).map(str) if market in NAMED_IDS else digits
    return Trade(
        region=EXCHANGES[market].region,
        **draw(identities(market)),
        trade_id=draw(ids),
        price=draw(prices),
        size=draw(sizes),
        side=draw(st.sampled_from(Side)),
    )


@st.composite
def books(draw: st.DrawFn, market: str, kind: str) -> BookUpdate:
    """A book message of that kind, with just the numbers that the market sends. Of a change a size may be 0."""
    size = st.just(0.0) | sizes if kind == CHANGE else sizes
    levels = st.dictionaries(prices, size, max_size=5)
    values: dict[str, Any] = draw(identities(market))
    fields = BOOK[market][kind]
    values |= dict.fromkeys(BOOK_FIELDS - fields)
    last = draw(st.integers(min_value=2, max_value=MAXIMUM))
    values |= {field: number for field, number in {"first": last - 1, "last": last, "previous": last - 2}.items() if field in fields}
    if market in ("bybit", "bybit_linear"):
        values["first"] = last  # a message is one change there
    if market == "okx" and kind != CHANGE:
        values["previous"] = -1
    if "checksum" in fields:
        values["checksum"] = draw(st.integers(min_value=1, max_value=2**32 - 1))
    return BookUpdate(
        **values,
        snapshot=kind != CHANGE,
        bids=sorted(draw(levels).items(), reverse=True),
        asks=sorted(draw(levels).items()),
    )


def incoming(said: Ticker | Trade | BookUpdate) -> Frame:
    """The frame in which the market says it; where it gives snapshots by REST, the answer to that request."""
    exchange = EXCHANGES[said.market]
    url = None
    if isinstance(said, BookUpdate) and said.snapshot and REST in BOOK[said.market] and exchange.book_rule.rest_snapshot:
        url = f"{exchange.rest_urls[0]}{exchange.book_path(Pair(said.symbol, said.quote))}"
    return Frame(said.market, said.source, said.received_time, exchange.simulate(said), url)
