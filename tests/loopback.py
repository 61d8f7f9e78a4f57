"""Settings under which nothing outside this machine is asked, whatever a test starts."""

from __future__ import annotations

import json

from src.collect.exchanges import EXCHANGES

NOTHING_OUTSIDE = {
    "COINSPARK_BANK_RATE_URLS": "",
    "COINSPARK_REST_URLS": json.dumps(dict.fromkeys(EXCHANGES, "")),
    "COINSPARK_EXCHANGE_URLS": json.dumps(dict.fromkeys(EXCHANGES, "ws://127.0.0.1:9")),
}
"""No bank, no REST interface, and no socket answers, unless a test names its own."""
