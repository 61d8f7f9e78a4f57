"""Records as they came, row by row, for ClickHouse to keep: trades and order books (`--raw`)."""
