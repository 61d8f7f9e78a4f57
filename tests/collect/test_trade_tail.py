"""What a collector that starts again finds on Kafka of the trades before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from kafka import KafkaProducer

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from src.collect.exchanges import exchange
from src.collect.message import BINANCE_TRADE_TOPIC, partition_of
from src.collect.options import SourceChoice
from src.collect.parsed import Channel
from src.collect.plan import Plan
from src.collect.remembered import remember_trades
from src.collect.trade_tail import TradeKey, TradeTail, last_trades, tails_of
from src.collect.trades import TradeStreams
from src.errors import TransientError
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade, trade_topic
from tests.collect.tickers import START
from tests.servers import free_port

pytestmark = pytest.mark.broker
PARTITIONS = 2


@pytest.fixture
def topic(broker: Cluster) -> str:
    name = f"trades-{uuid4().hex}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(name, PARTITIONS)])
    return name


def trade(number: int, symbol: str = "BTC", **fields: Any) -> Trade:
    known = {"trade_id": str(number), "price": 60_000.0, "size": 0.5, "side": Side.BUY, "source": Source.LIVE, "quote": "USDT"} | fields
    return Trade(region=Region.ASIA, market="okx", symbol=symbol, event_time=START + number, received_time=START + number + 50, **known)


def write(broker: Cluster, topic: str, symbol: str, *messages: object) -> None:
    """Messages of one key: records, arrays of them, or bytes as they are."""
    key = f"okx:{symbol}".encode()
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        for message in messages:
            value = message if isinstance(message, bytes) else msgspec.json.encode(message)
            producer.send(topic, key=key, value=value, partition=partition_of(key, PARTITIONS))


def tails(servers: str, topics: Sequence[str], limit: int = 5_000) -> Mapping[TradeKey, TradeTail]:
    return tails_of(last_trades(servers, topics, limit))


def ids(numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(map(str, numbers))


def test_the_ids_of_each_price_in_order_and_its_last_trade(broker: Cluster, topic: str) -> None:
    write(broker, topic, "BTC", trade(1), [trade(2), trade(3, quote="USDC"), trade(4)], trade(5), trade(6, instrument=Instrument.PERPETUAL))
    write(broker, topic, "ETH", [trade(7, "ETH"), trade(9, "ETH")], trade(8, "ETH"))
    found = tails(broker.bootstrap_servers, [topic])
    assert {key: tail.ids for key, tail in found.items()} == {
        ("okx", "BTC", "USDT", Instrument.SPOT): ("1", "2", "4", "5"),
        ("okx", "BTC", "USDC", Instrument.SPOT): ("3",),
        ("okx", "BTC", "USDT", Instrument.PERPETUAL): ("6",),
        ("okx", "ETH", "USDT", Instrument.SPOT): ("7", "9", "8"),
    }
    assert found["okx", "ETH", "USDT", Instrument.SPOT].last == trade(9, "ETH")
    assert found["okx", "BTC", "USDT", Instrument.SPOT].last.event_time == START + 5


def test_only_the_end_of_a_long_topic_is_read_and_in_order_across_its_steps(broker: Cluster, topic: str) -> None:
    write(broker, topic, "BTC", *(trade(number) for number in range(3000)))
    key = ("okx", "BTC", "USDT", Instrument.SPOT)
    assert tails(broker.bootstrap_servers, [topic], 2100)[key].ids == ids(range(900, 3000))
    assert tails(broker.bootstrap_servers, [topic], 100)[key].ids == ids(range(2900, 3000))
    assert tails(broker.bootstrap_servers, [topic])[key].ids == ids(range(3000))


def test_marks_other_sources_and_what_is_no_trade_are_passed_over(broker: Cluster, topic: str) -> None:
    mark = trade(3, trade_id=None, price=None, size=None, side=None, gap_since=START)
    write(
        broker,
        topic,
        "BTC",
        trade(1),
        trade(2, source=Source.REPLAY),
        mark,
        b"{",
        b"[1]",
        b"",
        b"null",
        [trade(4, source=Source.SIMULATED), trade(5)],
    )
    assert tails(broker.bootstrap_servers, [topic])["okx", "BTC", "USDT", Instrument.SPOT].ids == ("1", "5")


def test_binances_own_payloads_are_trades_too(broker: Cluster) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec(BINANCE_TRADE_TOPIC, PARTITIONS)])
    coin = f"C{uuid4().hex[:12].upper()}"
    # Names and types as in Binance's documentation of the stream <symbol>@aggTrade.
    payload = {
        "e": "aggTrade",
        "E": START + 1,
        "s": f"1000{coin}USDT",
        "a": 5933014,
        "p": "2.0",
        "q": "100",
        "f": 100,
        "l": 105,
        "T": START,
        "m": True,
    }
    raw = RawMessage(
        symbol=payload["s"],
        stream="x@aggTrade",
        data=msgspec.Raw(msgspec.json.encode(payload)),
        ts=START + 9,
        market="binance_futures",
        source=Source.LIVE,
    )
    dated = msgspec.structs.replace(raw, data=msgspec.Raw(msgspec.json.encode(payload | {"s": f"{coin}USDT_261225", "a": 1})))
    mark = msgspec.structs.replace(raw, data=msgspec.Raw(b"null"), gap_since=START)
    replayed = msgspec.structs.replace(raw, source=Source.REPLAY)
    write(broker, BINANCE_TRADE_TOPIC, coin, raw, [mark, replayed, dated], msgspec.structs.replace(raw, data=msgspec.Raw(b'{"a":"x"}')))
    tail = tails(broker.bootstrap_servers, [BINANCE_TRADE_TOPIC])["binance_futures", coin, "USDT", Instrument.PERPETUAL]
    assert tail.ids == ("5933014",)
    last = tail.last
    assert (last.event_time, last.received_time, last.price, last.size, last.side) == (START, START + 9, 0.002, 100_000.0, Side.SELL)


def test_a_topic_that_is_empty_or_not_there_has_no_trades(broker: Cluster, topic: str) -> None:
    assert tails(broker.bootstrap_servers, [topic, f"no-{topic}"]) == {}
    assert tails(broker.bootstrap_servers, []) == {}


def test_without_kafka_it_is_an_error_that_passes() -> None:
    with pytest.raises(TransientError, match="does not say which trades it has"):
        tails(f"127.0.0.1:{free_port()}", ["a-topic"])


def test_trades_that_wait_on_disk_are_remembered_after_those_on_kafka(broker: Cluster) -> None:
    topic = trade_topic(Region.ASIA)
    ensure_topics(broker.bootstrap_servers, [TopicSpec(topic, PARTITIONS)])
    coin = f"X{uuid4().hex[:6].upper()}"
    write(broker, topic, coin, trade(1, coin), [trade(2, coin), trade(3, coin)])
    exchanges = {"okx": exchange("okx")}
    streams = TradeStreams(exchanges)
    unread = [(topic, msgspec.json.encode([trade(4, coin), trade(5, coin)])), ("TickerAsia", b"{}"), (topic, b"no JSON")]
    todo = Plan(SourceChoice.LIVE, fall_back=False, exchanges=exchanges, symbols=None, channels=(Channel.TRADE,), wanted={})
    remember_trades(streams, todo, broker.bootstrap_servers, unread, print)
    assert [streams.take(trade(number, coin)) for number in range(1, 6)] == [()] * 5
    (fresh,) = streams.take(trade(6, coin))
    assert fresh == trade(6, coin)
