"""Limits, pauses, and which address is tried next."""

from __future__ import annotations

import asyncio

from src.collect.attempts import Attempts
from src.collect.exchange import RateLimit
from src.collect.pace import Budget, Pacer, Repeats, growing_pause


def test_a_pacer_gives_no_more_turns_than_the_limit_has() -> None:
    async def run() -> list[float]:
        pacer, loop = Pacer(RateLimit(2, 0.2)), asyncio.get_running_loop()
        times: list[float] = []

        async def one() -> None:
            await pacer.turn()
            times.append(loop.time())

        await asyncio.gather(*(one() for _ in range(5)))
        return times

    times = asyncio.run(run())
    assert all(later - earlier >= 0.2 for earlier, later in zip(times, times[2:], strict=False))


def test_a_held_pacer_gives_no_turn_before() -> None:
    async def run() -> float:
        pacer, loop = Pacer(RateLimit(2, 1.0)), asyncio.get_running_loop()
        begun = loop.time()
        pacer.hold(0.1)
        await pacer.turn()
        return loop.time() - begun

    assert asyncio.run(run()) >= 0.1


def test_the_same_thing_is_done_again_after_times_that_double_and_is_forgotten_in_the_end() -> None:
    repeats = Repeats(5.0, 60.0)
    key = ("BTC", "USDT")
    assert [now for now in range(300) if repeats.may(key, float(now))] == [0, 5, 15, 35, 75, 135, 195, 255]
    assert repeats.may(("ETH", "USDT"), 255.0)
    assert repeats.may(key, 1000.0)
    assert not repeats.may(key, 1004.0)
    assert repeats.may(key, 1005.0)


def test_a_budget_is_spent_within_any_stretch_of_its_time() -> None:
    budget = Budget(RateLimit(5, 100.0))
    assert [budget.spend(2, now) for now in (0.0, 50.0, 60.0)] == [True, True, False]
    assert budget.spend(1, 60.0)
    assert not budget.spend(1, 99.9)
    assert budget.spend(2, 100.0)
    assert not budget.spend(1, 149.9)
    assert not budget.spend(6, 1000.0)
    assert budget.spend(5, 1000.0)


def test_pauses_grow_to_a_limit_and_are_not_alike() -> None:
    first, later = {growing_pause(1) for _ in range(50)}, {growing_pause(5) for _ in range(50)}
    assert min(first) >= 0.25
    assert max(first) <= 0.75
    assert min(later) >= 4.0
    assert max(later) <= 12.0
    assert len(later) > 1
    assert max(growing_pause(10_000) for _ in range(50)) <= 45.0


class TestAttempts:
    def test_a_refused_region_leads_to_the_mirror_at_once_and_then_to_a_pause(self) -> None:
        attempts = Attempts(("main", "mirror"))
        assert (attempts.url, attempts.pause) == ("main", 0.0)
        attempts.failed(451)
        assert (attempts.url, attempts.pause) == ("mirror", 0.0)
        attempts.failed(403)
        assert attempts.url == "main"
        assert attempts.pause > 0

    def test_the_address_that_gave_data_is_kept_to(self) -> None:
        attempts = Attempts(("main", "mirror"))
        attempts.failed(None)
        attempts.opened()
        attempts.saw_data()
        attempts.lost()
        assert attempts.url == "mirror"
        assert 0 < attempts.pause <= 0.75

    def test_sockets_that_open_and_give_nothing_are_failures(self) -> None:
        attempts = Attempts(("main", "mirror"))
        urls = []
        for _ in range(6):
            attempts.opened()
            urls.append(attempts.url)
            attempts.lost()
        assert urls == ["main", "mirror", "main", "mirror", "main", "mirror"]
        assert attempts.pause >= 8.0
