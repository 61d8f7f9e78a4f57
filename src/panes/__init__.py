"""The records of a batch combined into panes, inside Spark's Python workers, before Spark sees them.

The way of a message: `reading` (bytes to records, with dead letters) -> `columns` (records to arrays) -> `combine` (arrays to one row for each
pane and identity) -> `members` (those to the rows of each metric, in the slots of `layout`), all of it put together by `combiner`.
"""
