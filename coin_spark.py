#!/usr/bin/env python3
"""CoinSpark's command line: `python coin_spark.py --help`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent


def main() -> None:
    """Run the command line in the project's own environment, whichever Python was typed."""
    try:
        from src.command.app import run
    except ModuleNotFoundError as error:
        own = PROJECT / ".venv" / "bin" / "python"
        if own.exists() and Path(sys.prefix).resolve() != own.parent.parent.resolve():
            os.execv(own, [str(own), str(PROJECT / "coin_spark.py"), *sys.argv[1:]])
        sys.exit(f"coinspark: the package {error.name} is missing here: run `make install` in {PROJECT} first")
    run()


if __name__ == "__main__":
    main()
