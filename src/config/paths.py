"""Where the installation is, and what relative paths to its parts mean."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The folder that holds `src`."""


def project_path(path: Path) -> Path:
    """A relative folder of the installation is relative to the project, not to wherever the command was typed."""
    return path if path.is_absolute() else PROJECT / path
