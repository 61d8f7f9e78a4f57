"""A page that says what OpenAPI says, for a person: it loads nothing, neither from here nor from the internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884 }
code { font-size: .95em } summary { cursor: pointer; padding: .25rem 0 } p { white-space: pre-line }
"""


def reference_page(document: Mapping[str, Any]) -> str:
    """The endpoints with their parameters and the columns of their answers."""
    info = document["info"]
    parts = [f"<h1>{escape(info['title'])} API</h1><p>{escape(info['description'])}</p>"]
    for path, methods in document["paths"].items():
        operation = methods["get"]
        summary = f"<code>GET {escape(path)}</code> {escape(operation['summary'])}"
        parts.append(f"<details id='{escape(operation['operationId'])}'><summary>{summary}</summary>")
        if "description" in operation:
            parts.append(f"<p>{escape(operation['description'])}</p>")
        parts += _parameters(operation.get("parameters", []))
        name = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        parts += _fields(document["components"]["schemas"], name, set())
        parts.append("</details>")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>CoinSpark API</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if parameters:
        yield "<table><thead><tr><th>parameter</th><th>is</th><th>meaning</th></tr></thead><tbody>"
        for each in parameters:
            is_required = ", required" if each["required"] else ""
            yield _row(f"<code>{escape(each['name'])}</code>", escape(_type(each["schema"])) + is_required, escape(each["description"]))
        yield "</tbody></table>"


def _fields(schemas: Mapping[str, Any], name: str, shown: set[str]) -> Iterator[str]:
    """A model as a table, then those that it holds."""
    shown.add(name)
    yield f"<h4>{escape(name)}</h4><table><thead><tr><th>member</th><th>is</th><th>meaning</th></tr></thead><tbody>"
    inner = []
    for member, schema in schemas[name]["properties"].items():
        yield _row(f"<code>{escape(member)}</code>", escape(_type(schema)), escape(schema.get("description", "")))
        inner += [each for each in _references(schema) if each not in shown and "properties" in schemas[each]]
    yield "</tbody></table>"
    for each in dict.fromkeys(inner):
        yield from _fields(schemas, each, shown)


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type") or schema.get("$ref", "").rpartition("/")[2] or schema.get("const", ""))


def _references(schema: Mapping[str, Any]) -> list[str]:
    inner = [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    own = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
    return own + [found for each in inner for found in _references(each)]


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
