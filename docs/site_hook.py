"""What mkdocs does beside building pages: README and changelog become pages, the settings are listed, and no page is forgotten."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[1]
_MORE = "More"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages of docs/ that the navigation does not name behind the others."""
    named = set(_pages(config.nav or []))
    others = [str(path.relative_to(config.docs_dir)) for path in sorted(Path(config.docs_dir).rglob("*.md"))]
    more = [page for page in others if page not in named]
    if more and config.nav is not None:
        config.nav.append({_MORE: more})
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are written nowhere."""
    for path, text in {"index.md": _readme(), "changelog.md": (PROJECT / "CHANGELOG.md").read_text(), "reference/settings.md": _settings()}.items():
        files.append(File.generated(config, path, content=text))
    return files


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in _pages(part)]


def _readme() -> str:
    """The README, which lies a folder above the pages."""
    return re.sub(r"\]\(docs/", "](", (PROJECT / "README.md").read_text())


def _settings() -> str:
    """Every setting with its variable, default and meaning, as .env.example has them."""
    sys.path.insert(0, str(PROJECT))
    from src.config.example import shown_default  # noqa: PLC0415  (the project is importable only now)
    from src.config.settings import Settings, environment_name  # noqa: PLC0415

    rows = [
        f"| `{environment_name(name)}` | {_code(shown_default(field))} | {_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nFrom the environment or `.env`; `load_settings` and `Settings` below read them in programs.\n\n"
    table = "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])
    classes = "::: src.config.settings.load_settings\n\n::: src.config.settings.Settings\n    options:\n      members: [database_address]\n"
    return f"{head}{table}\n\n{classes}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
