"""What an earlier collector sent last is remembered, so that no trade is sent twice and what was traded meanwhile is fetched."""

from __future__ import annotations

from collections.abc import Callable

from src.collect.message import topics_of
from src.collect.parsed import Channel
from src.collect.plan import Plan
from src.collect.trade_tail import last_trade_ids
from src.collect.trades import TradeStreams
from src.errors import TransientError


def remember_trades(trades: TradeStreams, todo: Plan, bootstrap_servers: str, say: Callable[[str], None]) -> None:
    """Tell the streams of the trades at the end of the trade topics. Takes a few seconds at most; without trades to collect nothing is read."""
    if Channel.TRADE not in todo.channels:
        return
    topics = topics_of((Channel.TRADE,), todo.exchanges.values())
    try:
        tails = last_trade_ids(bootstrap_servers, topics)
    except TransientError as error:
        say(f"trades that were sent before this start may be sent again: {error}")
        return
    for tail in tails.values():
        if tail.last.market in todo.exchanges:
            trades.remember(tail.last, tail.ids)
