"""CoinSpark: exchange frames in, windowed metric rows out."""
