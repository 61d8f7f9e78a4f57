"""The parts of the market simulator: prices, one market's tickers, and what the network does to their frames.

All randomness is seeded by text, and no part reads the clock, so the same seed always gives the same frames.
"""
