"""Canonical JSON (RFC 8785), byte for byte what the ledger hashes."""

from __future__ import annotations

import json
import math

_escaped = json.JSONEncoder(ensure_ascii=False).encode
_INTEGER_MAX = 2**53 - 1


def canonical_json(value: object) -> str:
    """Writes plain data (dict with text keys, list, tuple, str, int, float, bool, None) canonically.

    Raises ValueError on what JSON cannot say: NaN, infinities, lone surrogates, integers that no double holds, other types.
    """
    if value is None or value is True or value is False:
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value) if abs(value) <= _INTEGER_MAX else number_text(_double_of(value))
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, dict):
        # By UTF-16 code units, as RFC 8785 orders names: characters beyond U+FFFF stand before U+E000.
        members = sorted((_key(name), name) for name in value)
        return "{" + ",".join(f"{_text(name)}:{canonical_json(value[name])}" for _, name in members) + "}"
    raise ValueError(f"{type(value).__name__} is nothing that JSON can say")


def number_text(number: float) -> str:
    """A finite double as ECMAScript writes it (Number::toString), which RFC 8785 demands."""
    if not math.isfinite(number):
        raise ValueError(f"{number} is nothing that JSON can say")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The number is 0.<digits> times ten to the power of `point`.
    point = int(exponent or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _place(digits, point)


def _place(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _double_of(value: int) -> float:
    try:
        double = float(value)
    except OverflowError:
        raise ValueError("an integer is too large for a double") from None
    if double != value:
        raise ValueError(f"no double holds the integer {value}")
    return double


def _text(text: str) -> str:
    text.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    return _escaped(text)


def _key(name: object) -> bytes:
    if not isinstance(name, str):
        raise ValueError(f"a name is text, found {type(name).__name__}")
    return name.encode("utf-16-be")
