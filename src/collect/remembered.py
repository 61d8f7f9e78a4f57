"""What an earlier collector sent last is remembered, so that no trade is sent twice and what was traded meanwhile is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from src.collect.message import topics_of
from src.collect.parsed import Channel
from src.collect.plan import Plan
from src.collect.trade_tail import last_trades, live_trades, tails_of
from src.collect.trades import TradeStreams
from src.errors import TransientError
from src.schema.records import Trade


def remember_trades(
    trades: TradeStreams, todo: Plan, bootstrap_servers: str, unread: Iterable[tuple[str, bytes]], say: Callable[[str], None]
) -> None:
    """Tell the streams of the trades at the end of the trade topics, and of those that wait on disk (`unread`: topic and value).

    Takes a few seconds at most; without trades to collect nothing is read.
    """
    if Channel.TRADE not in todo.channels:
        return
    topics = topics_of((Channel.TRADE,), todo.exchanges.values())
    there: list[Trade] = []
    try:
        there += last_trades(bootstrap_servers, topics)
    except TransientError as error:
        say(f"trades that were sent before this start may be sent again: {error}")
    there += [trade for topic, value in unread if topic in topics for trade in live_trades(topic, value)]
    for tail in tails_of(there).values():
        if tail.last.market in todo.exchanges:
            trades.remember(tail.last, tail.ids)
