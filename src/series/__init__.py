"""The closed windows of metrics folded in order, inside Spark's Python workers: `messages` (rows into buckets of series) -> `processor` -> `fold`."""
