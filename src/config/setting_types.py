"""Types that several settings share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import NoDecode

Names = Annotated[tuple[str, ...], NoDecode]
Notionals = Annotated[tuple[Annotated[int, Field(gt=0, le=10**15)], ...], NoDecode, Field(min_length=1)]
Percent = Annotated[float, Field(ge=0, lt=100)]
Port = Annotated[int | None, Field(ge=1, le=65535)]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
