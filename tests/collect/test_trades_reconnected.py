"""After a reconnect trades may be missing: what an answer of the exchange proves, fetches and leaves to be marked."""

from __future__ import annotations

import msgspec
import pytest

from src.collect.arrival import Need
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Pair
from src.schema.records import CollectorEvent, EventKind
from tests.collect.books_made import events_of
from tests.collect.tickers import START
from tests.collect.trades_made import BTC, CONSECUTIVE, EVERY_KIND, RISING, UNIQUE, at, ids, marks, need, some, streams


@EVERY_KIND
def test_at_the_first_subscription_nothing_can_be_missing(market: str) -> None:
    made = streams()
    made.subscribed(market, [BTC])
    assert made.needs == []


@EVERY_KIND
def test_at_the_next_one_what_was_traded_meanwhile_is_asked_for(market: str) -> None:
    made = streams(at(market, 5), at(market, 5, symbol="ETH"))
    made.subscribed(market, [BTC])
    assert made.needs == [need(market, 5)]
    made.subscribed("kraken", [BTC])
    assert made.needs == [need(market, 5)]


@EVERY_KIND
def test_missing_trades_are_told_and_the_end_is_certain_when_an_answer_brings_nothing_new(market: str) -> None:
    made = streams(at(market, 4), at(market, 5))
    made.subscribed(market, [BTC])
    assert made.answer(some(market, 4, 5, 6, 7)) == some(market, 6, 7)
    assert [(one.after and one.after.trade_id) for one in made.needs] == ["5", "7"]
    (event,) = made.answer(some(market, 5, 6, 7))
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.first_sequence, event.last_sequence, event.count) == (EventKind.FILLED, "5", "7", 2)
    assert made.answer(some(market, 5, 6, 7, 8)) == ()


@EVERY_KIND
def test_an_answer_up_to_the_first_trade_of_the_new_socket_closes_the_gap(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    made.take(at(market, 8))
    told = made.answer(some(market, 5, 6, 7, 8))
    assert ids(told) == ["6", "7"]
    assert [event.kind for event in events_of(told)] == [EventKind.FILLED]


@EVERY_KIND
def test_nothing_was_traded_meanwhile(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    assert list(made.answer(some(market, 3, 4, 5))) == []
    assert len(made.needs) == 1
    assert made.take(at(market, 6)) == [at(market, 6)]


def test_the_next_number_proves_that_nothing_was_traded_meanwhile() -> None:
    made = streams(at(CONSECUTIVE, 5))
    made.subscribed(CONSECUTIVE, [BTC])
    assert made.take(at(CONSECUTIVE, 6)) == [at(CONSECUTIVE, 6)]
    # What the answer has besides was there before we came.
    assert made.answer(some(CONSECUTIVE, 3, 4, 5, 6, 7)) == ()
    assert ids(made.take(at(CONSECUTIVE, 7))) == ["7"]


@pytest.mark.parametrize("market", [RISING, UNIQUE])
def test_an_answer_that_does_not_reach_back_is_told_and_what_is_before_it_marked(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    made.take(at(market, 20))
    told = made.answer(some(market, 17, 18, 19, 20))
    assert ids(told) == ["17", "18", "19", None]
    assert marks(told) == [(5, 17)]
    (event,) = events_of(told)
    assert (event.kind, event.first_sequence, event.last_sequence, event.count) == (EventKind.GAP, "5", "17", None)


@pytest.mark.parametrize("market", [RISING, UNIQUE])
def test_an_answer_from_before_the_first_trade_of_the_new_socket_is_not_enough(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    made.take(at(market, 9))
    assert made.answer(some(market, 4, 5)) == []
    assert made.answer(some(market, 4, 5, 6)) == some(market, 6)
    told = made.answer(some(market, 6, 7, 8, 9))
    assert ids(told) == ["7", "8"]
    assert [event.count for event in events_of(told)] == [3]
    assert len(made.needs) == 3


@EVERY_KIND
def test_a_gap_that_grows_while_an_answer_is_on_its_way_is_not_closed_by_it(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    made.take(at(market, 8))
    made.subscribed(market, [BTC])
    made.take(at(market, 12))
    first = made.answer(some(market, 5, 6, 7, 8, 9))
    assert EventKind.FILLED not in [event.kind for event in events_of(first)]
    second = made.answer(some(market, 5, 6, 7, 8, 9, 10, 11, 12))
    assert sorted(int(number or 0) for number in ids(first) + ids(second)) == [6, 7, 9, 10, 11]
    assert [event.kind for event in events_of(second)] == [EventKind.FILLED]


def test_no_trade_at_all_since_the_last_one_closes_the_gap() -> None:
    made = streams(at(RISING, 5))
    made.subscribed(RISING, [BTC])
    made.answered_without(RISING, f"https://www.okx.com{EXCHANGES[RISING].trades_path(BTC, None)}")
    assert made.give_up(need(RISING, 5), START + 9_000, "too late") == ()


@EVERY_KIND
def test_what_cannot_be_fetched_is_marked_up_to_the_first_trade_after_it(market: str) -> None:
    made = streams(at(market, 5))
    made.subscribed(market, [BTC])
    if market != CONSECUTIVE:
        made.take(at(market, 8))
    told = made.give_up(need(market, 5), START + 9_500, "no answer")
    assert marks(told) == [(5, 9 if market == CONSECUTIVE else 8)]
    (event,) = events_of(told)
    assert (event.kind, event.detail) == (EventKind.GAP, "trades may be missing: no answer")
    assert made.give_up(need(market, 5), START + 9_500, "no answer") == ()


def test_a_proven_gap_that_cannot_be_fetched_is_in_the_ledger_once() -> None:
    made = streams(at(CONSECUTIVE, 5))
    assert len(events_of(made.take(at(CONSECUTIVE, 8)))) == 1
    told = made.give_up(need(CONSECUTIVE, 5), START + 9_000, "no answer")
    assert (events_of(told), marks(told)) == ([], [(5, 8)])


@EVERY_KIND
def test_what_an_earlier_run_sent_is_not_sent_again_and_what_it_missed_is_fetched(market: str) -> None:
    made = streams()
    made.remember(at(market, 5), ["3", "4", "5"])
    made.subscribed(market, [BTC])
    assert made.needs == [need(market, 5)]
    assert [made.take(at(market, number)) for number in (4, 5)] == [(), ()]
    assert ids(made.answer(some(market, 3, 4, 5, 6))) == ["6"]


def test_a_multiplied_coin_is_known_by_what_the_exchange_calls_it() -> None:
    made = streams(at("binance_futures", 5, symbol="SHIB"))
    pair = Pair("SHIB", "USDT", 1000)
    made.subscribed("binance_futures", [pair])
    path = EXCHANGES["binance_futures"].trades_path(pair, at("binance_futures", 5, symbol="SHIB"))
    assert path is not None
    assert "symbol=1000SHIBUSDT" in path
    made.answered_without("binance_futures", f"https://fapi.binance.com{path}")
    assert (
        made.give_up(Need(market="binance_futures", channel=Channel.TRADE, pair=pair, after=at("binance_futures", 5, symbol="SHIB")), START, "") == ()
    )


def test_refusals_prove_nothing_and_end_in_a_mark_before_the_next_trade() -> None:
    made = streams(at(RISING, 5))
    made.subscribed(RISING, [BTC])
    for _ in range(3):
        made.answered_without(RISING, f"https://www.okx.com{EXCHANGES[RISING].trades_path(BTC, None)}", is_refused=True)
    assert len(made.needs) == 3
    told = made.take(at(RISING, 8))
    assert (ids(told), marks(told)) == ([None, "8"], [(5, 8)])
    assert [event.kind for event in events_of(told)] == [EventKind.GAP]


def test_fills_that_the_socket_has_merged_are_not_fetched_again() -> None:
    """OKX: the first trade of the new socket, 9, stands for the fills 7 to 9 of one order; REST gives them, and later ones, one by one."""
    order = {number: msgspec.structs.replace(at("okx", number), price=50.0, event_time=START + 900) for number in (7, 8, 9)}
    made = streams(at("okx", 5))
    made.subscribed("okx", [BTC])
    made.take(order[9])
    fetched = [at("okx", 5), at("okx", 6), *order.values(), at("okx", 10), at("okx", 11)]
    told = made.answer(fetched)
    assert ids(told) == ["6"]
    assert [(event.kind, event.count) for event in events_of(told)] == [(EventKind.FILLED, 1)]
