"""Typed readers for environment variables.

``trustengine.settings`` is the only caller. Each reader raises ``SettingError`` that names
the variable, so that a wrong value stops the start with one clear line.
"""

import math
import os
from collections.abc import Callable, Sequence
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Number = TypeVar("Number", int, float)


class SettingError(Exception):
    """An environment variable holds a value that cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"{name}: {problem}")


def text(name: str, default: str = "") -> str:
    """The variable as text, without surrounding white space."""
    return os.environ.get(name, default).strip()


def line(name: str, default: str = "") -> str:
    """Text of one line, such as a name that stands in a mail's header."""
    given = text(name) or default
    if not given.isprintable():
        raise SettingError(name, "must be one line of visible characters")
    return given


def mailbox(name: str, default: str) -> str:
    """An e-mail address, with or without a name: Shop <no-reply@shop.example>."""
    given = line(name, default)
    if "@" not in parseaddr(given)[1]:
        raise SettingError(name, f"“{given}” is no e-mail address")
    return given


def web_address(name: str, default: str = "") -> str:
    """The beginning of addresses, http:// or https://, without a slash at its end; or nothing."""
    given = line(name, default).rstrip("/")
    try:
        parts = urlsplit(given)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
        valid = not given or (named and not parts.query)
    except ValueError:
        valid = False
    if not valid:
        raise SettingError(name, f"“{given}” is no address that begins with http:// or https:// and names a host")
    return given


def boolean(name: str, *, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    given = text(name).lower()
    if not given:
        return default
    if given in {"1", "true", "yes", "on"}:
        return True
    if given in {"0", "false", "no", "off"}:
        return False
    raise SettingError(name, f"“{given}” is neither true nor false")


LARGEST_INTEGER = 2**31 - 1


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = LARGEST_INTEGER) -> int:
    """A whole number within bounds."""
    return _number(name, default, int, "a whole number", minimum, maximum)


def decimal(name: str, default: float, *, minimum: float = 0, maximum: float = 1e6) -> float:
    """A number, possibly with a fraction, within bounds."""
    return _number(name, default, float, "a number", minimum, maximum)


def choice(name: str, options: Sequence[str]) -> str:
    """One of a few words, in any case; the first is the default."""
    given = text(name)
    if not given:
        return options[0]
    for option in options:
        if option.lower() == given.lower():
            return option
    raise SettingError(name, f"“{given}” is none of {', '.join(options)}")


def listing(name: str, default: str = "") -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def path(name: str, default: str) -> Path:
    """A path, made absolute against the working directory."""
    return Path(text(name) or default).expanduser().absolute()


def time_zone(name: str, default: str) -> str:
    """The name of a time zone that this machine knows, such as Europe/Berlin."""
    given = text(name) or default
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingError(name, f"“{given}” is not a known time zone") from error
    return given


def currency(name: str, default: str) -> str:
    """An ISO 4217 code of three capital letters."""
    given = (text(name) or default).upper()
    if len(given) != 3 or not given.isascii() or not given.isalpha():
        raise SettingError(name, f"“{given}” is not a currency code of three letters")
    return given


def _number(
    name: str,
    default: Number,
    parse: Callable[[str], Number],
    kind: str,
    minimum: Number,
    maximum: Number | None,
) -> Number:
    given = text(name)
    if not given:
        return default
    try:
        value = parse(given)
    except ValueError as error:
        raise SettingError(name, f"“{given}” is not {kind}") from error
    if not math.isfinite(value) or not (minimum <= value) or (maximum is not None and not value <= maximum):
        bounds = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
        raise SettingError(name, f"{given} must be {bounds}")
    return value


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses or networks in CIDR notation, separated by commas."""
    try:
        return [ip_network(word, strict=False) for word in listing(name)]
    except ValueError as error:
        raise SettingError(name, str(error)) from error
