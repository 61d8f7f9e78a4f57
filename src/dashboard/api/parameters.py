"""Parameters of requests: what each may be, how it is read, and how OpenAPI says so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from src.dashboard.api.problems import Fault, nearest, wrong_input
from src.schema.kinds import Kind

_LONGEST = 64
"""Characters of a value: what a key's column holds."""
_TYPES = {Kind.STRING: "string", Kind.LONG: "integer", Kind.TIMESTAMP: "integer", Kind.DOUBLE: "number", Kind.BOOLEAN: "boolean"}
LARGEST = 2**63 - 1
"""What a column of whole numbers holds."""
Value = str | int | float


class WrongValue(ValueError):
    """What is wrong with a value, and the nearest right ones."""

    def __init__(self, what: str, nearest_values: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.nearest = nearest_values


@dataclass(frozen=True)
class Parameter:
    """One parameter. values: all that it may be, where that is known; least, most: of a whole number; is_upper: names are in capitals."""

    name: str
    meaning: str
    kind: Kind = Kind.STRING
    values: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """Some of the values that it may be."""
    least: int | None = None
    most: int | None = None
    default: int | None = None
    is_required: bool = False
    is_upper: bool = False
    longest: int = _LONGEST

    def read(self, text: str) -> Value:
        """The value of a text. Raises WrongValue."""
        if self.kind is Kind.STRING:
            return self._text(text)
        number = self._number(text)
        if self.least is not None and number < self.least:
            raise WrongValue(f"{number} is less than {self.least}", (str(self.least),))
        if self.most is not None and number > self.most:
            raise WrongValue(f"{number} is more than {self.most}", (str(self.most),))
        return number

    def checked(self, value: object) -> Value:
        """A value that is no text, as a message has them. Raises WrongValue."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise WrongValue("is neither a text nor a number")
        if self.kind is Kind.STRING and not isinstance(value, str):
            raise WrongValue(f"{value} is no text")
        return self.read(str(value))

    def openapi(self) -> dict[str, Any]:
        """As OpenAPI describes it."""
        schema: dict[str, Any] = {"type": _TYPES[self.kind]}
        if self.kind is Kind.STRING:
            schema |= {"enum": list(self.values)} if self.values else {"maxLength": self.longest}
        given = {"minimum": self.least, "maximum": self.most, "default": self.default, "examples": list(self.known) or None}
        schema |= {name: value for name, value in given.items() if value is not None}
        return {"name": self.name, "in": "query", "required": self.is_required, "description": self.meaning, "schema": schema}

    def _number(self, text: str) -> int | float:
        try:
            number = float(text) if self.kind is Kind.DOUBLE else int(text)
        except ValueError:
            number = math.nan
        # Neither what is not finite is within these bounds, nor what no database would take.
        if not -LARGEST <= number <= LARGEST or "_" in text:
            kind = {Kind.DOUBLE: "number", Kind.TIMESTAMP: "time, ms since 1970 UTC"}.get(self.kind, "whole number")
            raise WrongValue(f"{text[:_LONGEST]!r} is no {kind}")
        return number

    def _text(self, text: str) -> str:
        if self.values and text not in self.values:
            raise WrongValue(f"{text[:_LONGEST]!r} is none of {', '.join(self.values)}", nearest(text, self.values))
        if len(text) > self.longest or not text.isprintable():
            raise WrongValue(f"is longer than {self.longest} characters, or cannot be printed")
        if self.is_upper and text != text.upper():
            raise WrongValue(f"{text!r} is not in capitals", (text.upper(),))
        return text


def read_parameters(given: Iterable[tuple[str, str]], known: Iterable[Parameter]) -> dict[str, Value]:
    """The values of a request, and the defaults of what it leaves out. Raises Refused with everything that is wrong."""
    parameters = {parameter.name: parameter for parameter in known}
    found: dict[str, Value] = {}
    faults = []
    for name, text in given:
        parameter = parameters.get(name)
        if parameter is None:
            faults.append(Fault(name[:_LONGEST], "there is no such parameter", nearest(name, parameters)))
        elif name in found:
            faults.append(Fault(name, "is given twice"))
        else:
            try:
                found[name] = parameter.read(text)
            except WrongValue as error:
                faults.append(Fault(name, str(error), error.nearest))
    named = {fault.parameter for fault in faults}
    for name, parameter in parameters.items():
        if parameter.is_required and name not in found and name not in named:
            faults.append(Fault(name, "is missing", parameter.values or parameter.known))
    if faults:
        raise wrong_input(faults)
    return {name: parameter.default for name, parameter in parameters.items() if parameter.default is not None} | found


def read_where(given: Mapping[str, object], known: Iterable[Parameter]) -> tuple[tuple[str, Value], ...]:
    """The key values of a subscription, in the order of the parameters. Raises Refused with everything that is wrong."""
    parameters = {parameter.name: parameter for parameter in known}
    found: dict[str, Value] = {}
    faults = []
    for name, value in given.items():
        if name not in parameters:
            faults.append(Fault(f"where.{name[:_LONGEST]}", "there is no such key", nearest(name, parameters)))
            continue
        try:
            found[name] = parameters[name].checked(value)
        except WrongValue as error:
            faults.append(Fault(f"where.{name}", str(error), error.nearest))
    if faults:
        raise wrong_input(faults)
    return tuple((name, found[name]) for name in parameters if name in found)
