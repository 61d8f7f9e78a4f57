"""Live data or simulated data: the source that is played when it is not a replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from src.collect.live import LiveSource
from src.collect.options import SourceChoice
from src.collect.plan import Plan
from src.collect.simulated import SimulatedSource
from src.collect.simulator import MarketSimulator
from src.collect.source import FrameSource
from src.collect.status import MarketStatus
from src.config import Settings


async def choose_source(plan: Plan, settings: Settings, markets: dict[str, MarketStatus], tell: Callable[[str], None]) -> FrameSource:
    """The source of a plan that is no replay, started.

    When no exchange can be reached within `reach_seconds` and the plan allows it, simulated data takes the place of live data for the
    whole run; otherwise the live source keeps trying. Both are told.
    """
    if plan.choice is SourceChoice.SIMULATE:
        return _simulated(plan, settings)
    live = LiveSource(plan.exchanges, plan.wanted, settings, markets)
    try:
        async with asyncio.timeout(settings.reach_seconds):
            await live.any_opened()
    except TimeoutError:
        unreachable = f"no exchange could be reached within {settings.reach_seconds:g} s"
        if plan.fall_back:
            await live.close()
            tell(f"{unreachable}: simulated data")
            return _simulated(plan, settings)
        tell(f"{unreachable}: still trying; --source simulate gives simulated data")
    except asyncio.CancelledError:
        await live.close()
        raise
    return live


def _simulated(plan: Plan, settings: Settings) -> SimulatedSource:
    simulator = MarketSimulator(
        seed=settings.simulate_seed,
        exchanges=list(plan.exchanges.values()),
        symbols=settings.symbols,
        channels=plan.channels,
        quotes=settings.quotes,
        start_time_ms=time.time_ns() // 1_000_000,
        rate=settings.simulate_rate,
    )
    return SimulatedSource(simulator)
