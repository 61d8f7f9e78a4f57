"""How far a long work is: a bar on a terminal, a line of the log every ten seconds elsewhere.

from src.long_work import long_work

with long_work("deleting old rows", "rows", total=48_000) as work:
    work.reach(1_000)
"""

from src.long_work.advance import Advance
from src.long_work.showing import LongWork, can_draw, long_work

__all__ = ["Advance", "LongWork", "can_draw", "long_work"]
