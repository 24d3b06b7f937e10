"""Kinds of values that settings have beyond Python's own."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from cronquorum.durations import DurationError, parse_duration
from cronquorum.settings.errors import shown_safely


@dataclass(frozen=True)
class Metavar:
    """How the value of a setting is called in `--help`; put into its `Annotated`."""

    text: str


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise DurationError(f"{shown_safely(value)} is not a duration such as '90s', '10m', '1h30m' or '2d'")


def split_host_port(text: str) -> tuple[str, int]:
    """The two halves of `HOST:PORT`, without the brackets of an IPv6 address. Raises `ValueError`."""
    wrong = f"{shown_safely(text)} is not HOST:PORT such as 127.0.0.1:7400 or [::1]:7400"
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"\d{1,6}", port, re.ASCII):
        raise ValueError(wrong)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(wrong) from None
    elif not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", host):
        raise ValueError(wrong)
    if int(port) > 65535:
        raise ValueError(f"{shown_safely(text)}: port {int(port)} is not in 0-65535")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host_port(text: str) -> str:
    split_host_port(text)
    return text


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    Metavar("DURATION"),
    WithJsonSchema({"type": "string", "examples": ["90s", "1h30m"]}),
]
"""A `timedelta`, written `90s`, `10m`, `1h30m`, `2d`."""

HostPort = Annotated[str, AfterValidator(_host_port), Metavar("HOST:PORT")]
"""A text `HOST:PORT`, port 0 to 65535, an IPv6 address in brackets; `split_host_port` takes it apart."""
