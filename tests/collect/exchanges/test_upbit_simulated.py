"""What Upbit's protocol is made to say is read back, by both venues that speak it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.exchanges.bithumb import Bithumb
from src.collect.exchanges.upbit import Upbit
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.collect.parsed import BookUpdate, Channel, Frame, Listing, Pair
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.collect.dialects.bithumb import BithumbDialect
from tests.collect.dialects.dialect import Answer, Asking
from tests.collect.dialects.upbit import UpbitDialect

RECEIVED = 1_790_000_000_050
VENUES = st.sampled_from([Upbit(), Bithumb()])
BOTH = pytest.mark.parametrize("venue", [Upbit(), Bithumb()], ids=lambda venue: venue.name)
numbers = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
levels = st.lists(st.tuples(numbers, numbers), max_size=30)


def read_back(venue: UpbitProtocol, said: Ticker | Trade | BookUpdate) -> list[object]:
    message = venue.simulate(said)
    assert isinstance(message, bytes)  # the frames are binary
    return list(venue.parse(Frame(venue.name, Source.SIMULATED, RECEIVED, message)))


@given(venue=VENUES, price=numbers, size=numbers, time=times, trade_id=st.integers(0, 2**63 - 1).map(str), side=st.sampled_from(Side))
def test_a_trade(venue: UpbitProtocol, price: float, size: float, time: int, trade_id: str, side: Side) -> None:
    said = Trade(
        region=Region.KOREA,
        market=venue.name,
        symbol="BTC",
        quote="KRW",
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        trade_id=trade_id,
        price=price,
        size=size,
        side=side,
    )
    assert read_back(venue, said) == [said]


@given(venue=VENUES, bids=levels, asks=levels, time=times)
def test_a_book(venue: UpbitProtocol, bids: list[tuple[float, float]], asks: list[tuple[float, float]], time: int) -> None:
    said = BookUpdate(
        market=venue.name,
        symbol="BTC",
        quote="KRW",
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        snapshot=True,
        bids=bids,
        asks=asks,
    )
    assert read_back(venue, said) == [said]


@given(venue=VENUES, price=st.none() | numbers, volume=st.none() | numbers, time=times)
def test_a_ticker(venue: UpbitProtocol, price: float | None, volume: float | None, time: int) -> None:
    said = Ticker(
        region=Region.KOREA,
        market=venue.name,
        symbol="1INCH",
        quote="BTC",
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        price=price,
        open=price,
        high=price,
        low=price,
        prev_close=price,
        volume_24h=volume,
        quote_volume_24h=volume,
        acc_volume=volume,
        acc_since=None if volume is None else venue.midnight(time),
    )
    assert read_back(venue, said) == [said]


@BOTH
def test_a_mark_of_a_gap_is_no_trade(venue: UpbitProtocol) -> None:
    mark = Trade(
        region=Region.KOREA, market=venue.name, symbol="BTC", quote="KRW", source=Source.SIMULATED, event_time=2, received_time=RECEIVED, gap_since=1
    )
    with pytest.raises(ValueError, match="gap"):
        venue.simulate(mark)


@pytest.mark.parametrize("dialect", [UpbitDialect(), BithumbDialect()], ids=lambda dialect: dialect.market)
def test_the_servers_dialect_understands_the_client(dialect: UpbitDialect) -> None:
    venue, pair = dialect.exchange, Pair("BTC", "KRW")
    (request,) = venue.subscribe(Channel.TRADE, [pair])
    assert dialect.answer(request) == Answer(subscribed=[(Channel.TRADE, pair)], replaces=True)
    path = venue.trades_path(pair, None)
    assert path is not None
    assert dialect.asking(path) == (Asking.TRADES, pair)
    assert dialect.asking("/v1/market/all") == (Asking.LISTINGS, None)
    common = {"region": Region.KOREA, "market": venue.name, "symbol": "BTC", "quote": "KRW", "source": Source.LIVE, "received_time": RECEIVED}
    said = [
        Trade(**common, event_time=1_789_999_999_000 + number, trade_id=dialect.trade_id(number), price=2.5, size=0.5, side=side, backfilled=True)  # type: ignore[arg-type]
        for number, side in ((1, Side.BUY), (2, Side.SELL))
    ]
    assert list(venue.parse(Frame(venue.name, Source.LIVE, RECEIVED, dialect.recent_trades(said, path), path))) == said
    listed = venue.parse(Frame(venue.name, Source.LIVE, RECEIVED, dialect.listings([pair]), "/v1/market/all"))
    assert list(listed) == [Listing(pair, Instrument.SPOT, trading=True)]
    for topics in ('{"type":"nope"}', '{"type":"trade"}', "{}"):
        assert dialect.answer(f'[{{"ticket":"t"}},{topics}]').closes
    for message in ("hello", "{}", '[{"type":"trade"}]'):
        assert dialect.answer(message).closes
    assert dialect.answer('[{"ticket":"t"},{"type":"trade","codes":["krw-btc"]}]') == Answer(subscribed=[], replaces=True)
