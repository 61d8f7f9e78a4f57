#!/bin/sh
# Prints the Python that the project is installed with: the first on PATH of a version that pyproject.toml allows.
for name in python3.11 python3.12 python3.13 python3 python; do
    if path=$(command -v "$name") && "$path" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done
echo "CoinSpark needs Python 3.11, 3.12 or 3.13, and none is on PATH: install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv) and run this again." >&2
exit 1
