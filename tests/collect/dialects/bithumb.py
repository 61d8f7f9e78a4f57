"""Bithumb's server."""

from __future__ import annotations

from typing import ClassVar

from tests.collect.dialects.upbit import UpbitDialect


class BithumbDialect(UpbitDialect):
    """The same as Upbit's; ids are longer."""

    market: ClassVar[str] = "bithumb"
    first_id: ClassVar[int] = 1_077_860_633_149_466_017
