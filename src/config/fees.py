"""What each venue takes of a spot trade that takes liquidity, for a user of its lowest tier without any discount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FEES_READ = "2026-11-21"
"""When this table was put together, from public pages that quote the venues' fees."""


@dataclass(frozen=True)
class TakerFee:
    """A venue's fee: percent of the notional, whom it applies to, and the date of the page that says so; None where the page has none."""

    percent: float
    applies_to: str
    published: str | None = None


TAKER_FEES: Mapping[str, TakerFee] = {
    "upbit": TakerFee(0.05, "KRW market", "2025-09"),
    "bithumb": TakerFee(0.25, "KRW market without a coupon; 0.04 with one", "2022-05"),
    "korbit": TakerFee(0.15, "KRW market, reward plan; 0.05 in the lowest-fee plan", "2024"),
    "coinone": TakerFee(0.2, "KRW market", "2022-05"),
    "okx": TakerFee(0.1, "regular user"),
    "bybit": TakerFee(0.1, "VIP 0"),
    "gateio": TakerFee(0.1, "VIP 0"),
    "binance": TakerFee(0.1, "regular user who does not pay in BNB"),
    "kraken": TakerFee(0.4, "Kraken Pro, first tier"),
}
"""By market. Fees change and yours may be lower: COINSPARK_TAKER_FEE_PERCENTS overrides each. A market that is not here has no known fee."""


def taker_fee_percents(overrides: Mapping[str, float]) -> Mapping[str, float]:
    """Taker fee in percent by market: the table with `overrides` on top."""
    return {market: fee.percent for market, fee in TAKER_FEES.items()} | dict(overrides)
