"""The embedded ClickHouse: one process that owns the engine and its folder, and speaks ClickHouse's HTTP protocol on 127.0.0.1."""
