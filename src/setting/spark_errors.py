"""What tells something in an error of Spark's."""

from __future__ import annotations

_LONGEST = 300


def cause(error: BaseException) -> str:
    """The line of the error that names the innermost cause, cut short."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (PySpark asks a JVM for the text, which may be gone)
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "Exception" in line or "Error" in line]
    chosen = telling[-1] if telling else lines[0] if lines else type(error).__name__
    return chosen[:_LONGEST]
