"""Docstrings as Markdown: they are written to be read in the code, and some of them as comments of tables, where markup would be in the way."""

from __future__ import annotations

import re
from typing import Any

import griffe

_CODE = re.compile(r"(`[^`]*`)")
_FIELD = re.compile(r"(?P<names>[a-z_*][\w<>*]*(?:(?:, | and )[a-z_*][\w<>*]*)*): (?P<text>.+)")


class Written(griffe.Extension):  # type: ignore[misc]
    """Applied by mkdocstrings to every docstring that it finds."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called with each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = written(obj.docstring.value)


def written(docstring: str) -> str:
    """The docstring as Markdown: lines of the form `name: what it is` are a list, and what looks like markup outside of code is text."""
    return "\n\n".join(_paragraph(paragraph) for paragraph in re.split(r"\n\s*\n", docstring.strip("\n")))


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if all(line.startswith("    ") for line in lines):
        return text
    if not _FIELD.fullmatch(lines[0].strip()):
        return "\n".join(map(_escaped, lines))
    items: list[str] = []
    for line in lines:
        field = _FIELD.fullmatch(line) if not line.startswith(" ") else None
        items.append(f"- `{field['names']}`: {_escaped(field['text'])}" if field else f"    {_escaped(line.strip())}")
    return "\n".join(items)


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else _text(part, is_first=number == 0) for number, part in enumerate(parts))


def _text(part: str, *, is_first: bool) -> str:
    escaped = part.replace("<", "&lt;").replace("[", "\\[").replace("|", "\\|")
    head, rest = (escaped[:2], escaped[2:]) if is_first and escaped.startswith(("* ", "- ")) else ("", escaped)
    return head + re.sub(r"(?<!\w)([*_])(?=\w)|(?<=\w)([*])", lambda found: f"\\{found[0]}", rest)
