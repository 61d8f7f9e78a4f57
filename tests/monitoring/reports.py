"""Spark's reports of batches, as its JVM writes them."""

from __future__ import annotations

import json
from typing import Any

PLACES = {"RegionAsia_TickerPreprocessing": {"0": 100, "1": 40}, "RegionKorea_TickerPreprocessing": {"0": 7}}


def state(**numbers: int) -> dict[str, Any]:
    """What is said of one stateful operator."""
    named = {"operatorName": "stateStoreSave", "allUpdatesTimeMs": 5, "allRemovalsTimeMs": 0, "commitTimeMs": 9, "numShufflePartitions": 2}
    counts = {"numRowsTotal": 500, "numRowsUpdated": 20, "numRowsRemoved": 3, "memoryUsedBytes": 4096, "numRowsDroppedByWatermark": 0}
    return {**named, **counts, **numbers, "customMetrics": {"rocksdbCommitFlushLatency": 3}}


def progress(**said: Any) -> str:
    """A report of batch 7 of the ticker query: 147 messages in 0.42 s, ten left in one partition."""
    ends = {"RegionAsia_TickerPreprocessing": {"0": 110, "1": 40}, "RegionKorea_TickerPreprocessing": {"0": 7}}
    report = {
        "id": "0b39ba8a-5e9b-4d5b-9e3d-c53f3a13b0e4",
        "runId": "run-1",
        "name": "ticker",
        "timestamp": "2026-01-31T09:00:00.000Z",
        "batchId": 7,
        "batchDuration": 420,
        "numInputRows": 147,
        "inputRowsPerSecond": 144.5,
        "processedRowsPerSecond": 350.0,
        "durationMs": {"addBatch": 300, "commitOffsets": 20, "triggerExecution": 420},
        "eventTime": {"avg": "2026-01-31T08:59:59.000Z", "watermark": "2026-01-31T03:00:00.500Z"},
        "stateOperators": [state(), state(numRowsTotal=50, numRowsUpdated=2, memoryUsedBytes=1000, numRowsDroppedByWatermark=4)],
        "sources": [{"description": "KafkaV2[Subscribe[...]]", "startOffset": None, "endOffset": PLACES, "latestOffset": ends, "numInputRows": 147}],
        "sink": {"description": "ForeachBatchSink", "numOutputRows": -1},
    }
    return json.dumps(report | said)
