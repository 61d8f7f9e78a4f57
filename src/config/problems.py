"""What is wrong with the settings, said so that it can be put right: the variable, what it takes, and the nearest of that. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from pydantic import ValidationError
from pydantic_settings import SettingsError

from src.errors import ConfigurationError
from src.nearest import did_you_mean, nearest

PREFIX = "COINSPARK_"
_QUOTED = re.compile(r"'([^']+)'")


@contextmanager
def problems_told(environment_name: Callable[[tuple[int | str, ...]], str], file: object) -> Iterator[None]:
    """What goes wrong while settings are read, as `ConfigurationError`. `environment_name`: of a place in pydantic's report; `file`: `.env`."""
    try:
        yield
    except ValidationError as error:
        # A report has the input beside the message, which may be a secret: of a choice alone it is looked at, and not shown.
        problems = "; ".join(f"{environment_name(problem['loc'])}: {_text(cast('Mapping[str, Any]', problem))}" for problem in error.errors())
        raise ConfigurationError(f"a setting is wrong: {problems} (see .env.example for what each one takes)") from None
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        setting = environment_name((name[1],)) if name else "one of the settings"
        raise ConfigurationError(f'a setting is wrong: {setting} is not JSON, such as {{"kraken":"USDT"}} (see .env.example)') from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the settings file {file} is not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"the settings file {file} cannot be read: {error.strerror}") from None


def refuse_misspelt(places: Iterable[Mapping[str, str | None]], known: Iterable[str]) -> None:
    """Raise `ConfigurationError` for a variable that is no setting and looks like one: it would count for nothing, unseen.

    places: the variables of the environment and of `.env`, names in any case; known: the names that there are, `_FILE` ones among them.
    Variables that are like none of them are somebody else's.
    """
    names = {name.upper() for name in known}
    ends = {name.removeprefix(PREFIX): name for name in names if name.startswith(PREFIX)}
    for given in dict.fromkeys(name.upper() for place in places for name in place):
        if given.startswith(PREFIX) and given not in names and (near := nearest(given.removeprefix(PREFIX), ends)):
            raise ConfigurationError(f"{given} is no setting: did you mean {' or '.join(ends[name] for name in near)}? (.env.example lists them)")


def _text(problem: Mapping[str, Any]) -> str:
    choices = _QUOTED.findall(str(problem.get("ctx", {}).get("expected", ""))) if problem["type"] in {"literal_error", "enum"} else []
    return "; ".join(filter(None, [str(problem["msg"]), did_you_mean(str(problem["input"]), choices) if choices else ""]))
