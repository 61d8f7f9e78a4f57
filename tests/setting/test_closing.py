"""When windows are closed: by what the markets' newest events say, whatever some of them do."""

from __future__ import annotations

import random

from src.setting.closing import Frontier, Newest

ALLOWANCE = 60_000
STALE = 30_000
T = 1_790_000_000_000


def _newest(market: str, seconds: float, *, delay: float = 0.0, source: str = "live") -> Newest:
    """Of a market an event `seconds` after T, received `delay` seconds later."""
    return Newest(source, market, T + round(seconds * 1000), T + round((seconds + delay) * 1000))


def _seconds(frontier: Frontier, *batch: Newest, source: str = "live") -> float | None:
    """What is closed after the batch, in seconds after T."""
    time = frontier.advance(batch).get(source)
    return None if time is None else (time - T) / 1000


def test_nothing_is_closed_before_anything_came() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    assert frontier.advance([]) == frontier.closed_until == {}


def test_the_market_furthest_behind_decides_whatever_the_order_of_batches() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    assert _seconds(frontier, _newest("upbit", 100)) == 40
    # One that is first seen behind the others does not open again what is closed.
    assert _seconds(frontier, _newest("okx", 90)) == 40
    assert _seconds(frontier, _newest("upbit", 115)) == 40
    assert _seconds(frontier, _newest("okx", 110)) == 50
    # Records that come late in order, or the same batch again, change nothing.
    assert _seconds(frontier, _newest("okx", 20), _newest("upbit", 100)) == 50
    assert _seconds(frontier) == 50
    assert _seconds(frontier, _newest("okx", 118), _newest("upbit", 116)) == 56


def test_a_silent_market_holds_up_no_longer_than_the_age_at_which_it_is_stale() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    _seconds(frontier, _newest("upbit", 100), _newest("okx", 100))
    assert _seconds(frontier, _newest("upbit", 130)) == 40
    assert _seconds(frontier, _newest("upbit", 130.001)) == 70.001
    assert _seconds(frontier, _newest("upbit", 500)) == 440


def test_all_but_one_silent() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    markets = [_newest(f"m{place}", 100 + place) for place in range(9)]
    assert _seconds(frontier, *markets) == 40
    assert _seconds(frontier, _newest("m3", 137)) == 47
    assert _seconds(frontier, _newest("m3", 200)) == 140


def test_a_market_that_comes_back_is_waited_for_again_and_opens_nothing() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    _seconds(frontier, _newest("upbit", 100), _newest("okx", 100))
    assert _seconds(frontier, _newest("upbit", 300)) == 240
    # Records of its outage: still stale.
    assert _seconds(frontier, _newest("okx", 150)) == 240
    assert _seconds(frontier, _newest("upbit", 310), _newest("okx", 269)) == 250
    # It is back within the age, behind what is closed already; and then holds the others up again.
    assert _seconds(frontier, _newest("okx", 285)) == 250
    assert _seconds(frontier, _newest("upbit", 314)) == 250
    assert _seconds(frontier, _newest("okx", 312)) == 252


def test_by_the_clock_when_event_times_stand_still() -> None:
    """A venue that sends its last event again and again: received later and later."""
    frontier = Frontier(ALLOWANCE, STALE)
    assert _seconds(frontier, _newest("upbit", 100, delay=0)) == 40
    assert _seconds(frontier, _newest("upbit", 100, delay=30)) == 40
    assert _seconds(frontier, _newest("upbit", 100, delay=31)) == 41
    assert _seconds(frontier, _newest("upbit", 100, delay=500)) == 510
    # And what comes afterwards, of whatever time, opens nothing.
    assert _seconds(frontier, _newest("okx", 200)) == 510


def test_the_clock_closes_nothing_before_the_events_do_while_markets_are_on_time() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    for second in range(100, 400, 7):
        assert _seconds(frontier, _newest("upbit", second, delay=9), _newest("okx", second + 3, delay=4)) == second - 60


def test_an_event_ahead_of_the_others_makes_them_no_more_than_stale() -> None:
    """The clock guard lets an event be some seconds ahead of its reception."""
    frontier = Frontier(ALLOWANCE, STALE)
    _seconds(frontier, _newest("upbit", 100), _newest("okx", 100))
    assert _seconds(frontier, _newest("kraken", 110, delay=-10)) == 40
    assert _seconds(frontier, _newest("upbit", 120), _newest("okx", 121)) == 50


def test_sources_have_times_of_their_own() -> None:
    frontier = Frontier(ALLOWANCE, STALE)
    day = 86_400
    assert _seconds(frontier, _newest("upbit", 100)) == 40
    assert _seconds(frontier, _newest("upbit", day, source="replay"), source="replay") == day - 60
    assert _seconds(frontier, _newest("upbit", 101)) == 41
    assert frontier.closed_until == {"live": T + 41_000, "replay": T + (day - 60) * 1000}


def test_it_never_goes_back_nor_past_what_the_newest_event_and_the_clock_allow() -> None:
    rng = random.Random(5)
    for _ in range(50):
        frontier, former, latest, clock = Frontier(ALLOWANCE, STALE), 0, 0, 0
        for step in range(100):
            batch = [_newest(f"m{rng.randrange(5)}", step + rng.uniform(-80, 10), delay=rng.uniform(-5, 60)) for _ in range(rng.randrange(4))]
            latest = max([latest, *(each.event_time for each in batch)])
            clock = max([clock, *(each.received_time for each in batch)])
            closed = frontier.advance(batch).get("live")
            if closed is None:
                assert not latest
                continue
            assert former <= closed <= max(latest - ALLOWANCE, clock - STALE - ALLOWANCE)
            # No combination of silent markets holds up longer than the age.
            assert closed >= latest - STALE - ALLOWANCE
            former = closed
