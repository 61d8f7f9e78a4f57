"""Bybit's server of linear contracts."""

from __future__ import annotations

import json
import uuid
from typing import Any, ClassVar

from src.collect.parsed import Pair
from tests.collect.dialects.bybit import BybitDialect


class BybitLinearDialect(BybitDialect):
    """As spot, but without a limit of topics, with UUIDs of trades, and with other names in USDC."""

    market: ClassVar[str] = "bybit_linear"
    category: ClassVar[str] = "linear"
    topics_limit: ClassVar[int] = 1_000_000

    def said(self, request: dict[str, Any], *, success: bool, ret_msg: str) -> str:
        """The number of the request is always there, and an acknowledgement has no words."""
        words = "" if success and ret_msg != "pong" else ret_msg
        number = request.get("req_id", "")
        return json.dumps({"success": success, "ret_msg": words, "conn_id": "d8bu1olkndm7crnfs1e0-j6akw", "req_id": number, "op": request["op"]})

    def pair(self, name: str) -> Pair | None:
        for ending, currency in (("USDT", "USDT"), ("PERP", "USDC")):
            if name.endswith(ending) and name != ending:
                return Pair(name.removesuffix(ending), currency)
        return None

    def name(self, pair: Pair) -> str:
        return pair.symbol + ("PERP" if pair.quote == "USDC" else pair.quote)

    def listing(self, pair: Pair, state: str) -> dict[str, str]:
        return {**super().listing(pair, state), "contractType": "LinearPerpetual", "settleCoin": pair.quote}

    def trade_id(self, number: int) -> str:
        return str(uuid.UUID(int=(0x5 << 76) + (0x8 << 60) + number))
