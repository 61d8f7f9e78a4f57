"""Each trade once, and every jump of the ids found and fetched."""

from __future__ import annotations

import pytest

from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel
from src.collect.trades import ASKS
from src.schema.records import CollectorEvent, EventKind, Instrument, Trade
from tests.collect.books_made import events_of, trade
from tests.collect.tickers import START
from tests.collect.trades_made import BTC, CONSECUTIVE, EVERY_KIND, RISING, UNIQUE, at, ids, marks, need, some, streams


@EVERY_KIND
def test_a_trade_that_comes_again_is_left_out_and_counted(market: str) -> None:
    made = streams()
    told = [made.take(at(market, number)) for number in (1, 2, 1, 2, 3)]
    assert [ids(one) for one in told] == [[None, "1"], ["2"], [], [], ["3"]]
    assert made.repeated == 2


@EVERY_KIND
def test_a_trade_that_is_overtaken_is_told_and_is_no_gap(market: str) -> None:
    made = streams(at(market, 5))
    overtaken = trade(4, market=market, seconds=5)
    assert made.take(overtaken) == [overtaken]
    assert made.take(at(market, 6)) == [at(market, 6)]
    assert made.needs == []


@EVERY_KIND
def test_before_the_first_trade_of_a_price_stands_a_mark_at_its_time(market: str) -> None:
    made = streams()
    mark, first = made.take(at(market, 5))
    assert first == at(market, 5)
    assert isinstance(mark, Trade)
    assert (mark.gap_since, mark.event_time, mark.received_time, mark.backfilled) == (START + 5_000, START + 5_000, START + 5_050, True)
    assert (mark.trade_id, mark.price, mark.size, mark.side) == (None, None, None, None)
    assert (mark.market, mark.symbol, mark.quote, mark.instrument, mark.source) == (
        market, "BTC", "USDT", Instrument.SPOT, first.source
    )  # fmt: skip
    assert made.take(at(market, 6)) == [at(market, 6)]
    assert made.needs == []


@EVERY_KIND
def test_a_trade_older_than_the_first_one_moves_the_beginning(market: str) -> None:
    made = streams(at(market, 5))
    told = made.take(at(market, 3))
    assert (ids(told), marks(told)) == ([None, "3"], [(3, 5)])
    assert made.take(at(market, 4)) == [at(market, 4)]


@EVERY_KIND
def test_where_an_earlier_run_ended_is_no_beginning(market: str) -> None:
    made = streams()
    made.remember(at(market, 5), ["5"])
    assert made.take(at(market, 6)) == [at(market, 6)]


def test_prices_have_ids_of_their_own() -> None:
    made = streams(at("okx", 1))
    others = [at("okx", 1, symbol="ETH"), at("okx", 1, quote="USDC"), at("okx", 1, instrument=Instrument.PERPETUAL), at("bybit", 1)]
    assert [ids(made.take(one)) for one in others] == [[None, "1"]] * 4


def test_trades_without_ids_all_pass() -> None:
    made = streams()
    told = [made.take(trade(None, market="bithumb")) for _ in range(2)]
    assert [(len(one), marks(one)) for one in told] == [(2, [(0, 0)]), (1, [])]


def test_a_dated_contract_stands_for_several_and_passes() -> None:
    made = streams(at("okx", 9, instrument=Instrument.FUTURE))
    again = at("okx", 9, instrument=Instrument.FUTURE)
    assert made.take(again) == (again,)


def test_ids_that_are_no_numbers_and_ids_of_any_length_break_nothing() -> None:
    made = streams(at("okx", 1))
    odd = ["x1", "", "9" * 10_000, "-4", "٣", "1.5"]
    for one in odd:
        assert ids(made.take(trade(one, seconds=2))) == [one]
        assert ids(made.take(trade(one, market=CONSECUTIVE, seconds=2)))[-1] == one


# A jump proves that trades are missing, where ids are consecutive.


def test_a_jump_is_told_before_the_trade_that_shows_it_and_what_is_missing_is_asked_for() -> None:
    made = streams(at(CONSECUTIVE, 1), at(CONSECUTIVE, 2))
    event, last = made.take(at(CONSECUTIVE, 6))
    assert last == at(CONSECUTIVE, 6)
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.market, event.channel, event.symbol, event.quote) == (EventKind.GAP, "binance", Channel.TRADE, "BTC", "USDT")
    assert (event.first_sequence, event.last_sequence, event.count) == ("2", "6", 3)
    assert (event.first_time, event.last_time, event.event_time) == (START + 2_000, START + 6_000, START + 6_050)
    assert made.needs == [need(CONSECUTIVE, 2)]


@pytest.mark.parametrize("market", [RISING, UNIQUE])
def test_a_jump_proves_nothing_where_ids_may_be_left_out(market: str) -> None:
    made = streams(at(market, 1))
    assert made.take(at(market, 900)) == [at(market, 900)]
    assert made.needs == []


def test_what_was_missing_is_told_once_and_the_gap_is_filled() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 6))
    told = made.answer(some(CONSECUTIVE, 2, 3, 4, 5, 6))
    assert ids(told) == ["3", "4", "5"]
    assert all(one.backfilled for one in told if isinstance(one, Trade))
    (event,) = events_of(told)
    assert (event.kind, event.first_sequence, event.last_sequence, event.count) == (EventKind.FILLED, "2", "6", 3)
    assert [made.take(at(CONSECUTIVE, number)) for number in (3, 4, 5)] == [()] * 3
    assert made.take(at(CONSECUTIVE, 7)) == [at(CONSECUTIVE, 7)]


def test_a_trade_that_the_answer_brings_before_it_is_missed_is_in_what_was_filled() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 6))
    told = made.answer(some(CONSECUTIVE, 2, 3, 4, 5, 6, 7))
    assert ids(told) == ["3", "4", "5", "7"]
    (event,) = events_of(told)
    assert (event.kind, event.first_sequence, event.last_sequence, event.count) == (EventKind.FILLED, "2", "7", 4)
    assert made.take(at(CONSECUTIVE, 8)) == [at(CONSECUTIVE, 8)]


def test_an_answer_that_does_not_reach_so_far_is_followed_by_the_next() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 9))
    made.needs.clear()
    assert ids(made.answer(some(CONSECUTIVE, 2, 3, 4, 5))) == ["3", "4", "5"]
    assert [(one.after and one.after.trade_id) for one in made.needs] == ["5"]
    told = made.answer(some(CONSECUTIVE, 5, 6, 7, 8, 9))
    assert ids(told) == ["6", "7", "8"]
    (event,) = events_of(told)
    assert (event.kind, event.first_sequence, event.last_sequence, event.count) == (EventKind.FILLED, "2", "9", 6)


def test_what_the_answers_leave_out_is_asked_for_again_and_then_marked() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 6))
    answers = [made.answer(some(CONSECUTIVE, 2, 3, 5, 6)) for _ in range(ASKS)]
    assert [ids(one) for one in answers[:-1]] == [["3", "5"], []]
    assert len(made.needs) == ASKS == 3
    assert (marks(answers[-1]), events_of(answers[-1])) == ([(2, 6)], [])
    (mark,) = (one for one in answers[-1] if isinstance(one, Trade))
    assert (mark.trade_id, mark.price, mark.size, mark.side, mark.backfilled) == (None, None, None, None, True)


def test_an_answer_that_begins_after_the_gap_does_is_marked_up_to_where_it_begins() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 9))
    told = made.answer(some(CONSECUTIVE, 5, 6, 7, 8, 9))
    assert ids(told) == ["5", "6", "7", "8", None]
    assert marks(told) == [(2, 5)]


def test_answers_without_a_trade_where_some_are_known_to_be_missing_end_in_a_mark() -> None:
    made = streams(at(CONSECUTIVE, 2), at(CONSECUTIVE, 6))
    path = EXCHANGES[CONSECUTIVE].trades_path(BTC, at(CONSECUTIVE, 2))
    for asked in (2, 3, 3):
        made.answered_without(CONSECUTIVE, f"https://api.binance.com{path}")
        assert len(made.needs) == asked
    told = made.take(at(CONSECUTIVE, 7))
    assert (ids(told), marks(told)) == ([None, "7"], [(2, 7)])
    assert marks(made.take(at(CONSECUTIVE, 8))) == []
