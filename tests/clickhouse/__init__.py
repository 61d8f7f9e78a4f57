"""Tests of the embedded ClickHouse."""
