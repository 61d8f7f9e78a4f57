"""Where rows go: one file a sink."""

from src.storage.sink import Batch, BatchSink, Guarantee, Sink, as_sink

__all__ = ["Batch", "BatchSink", "Guarantee", "Sink", "as_sink"]
