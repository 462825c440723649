"""Checks values against the contracts' published JSON Schemas (draft 2020-12), as far as those use it.

A schema is compiled once into nested functions that return the first fault or None. A keyword that is not known here is an
error at once: a check that is silently left out would accept what every server refuses.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Callable, NamedTuple, Optional


class Fault(NamedTuple):
    #: JSON pointer below the value that was checked.
    path: str
    found: str
    wanted: str

    def below(self, member: object) -> Fault:
        escaped = str(member).replace("~", "~0").replace("/", "~1")
        return self._replace(path=f"/{escaped}{self.path}")


Check = Callable[[Any], Optional[Fault]]
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")


def read_schema(name: str) -> dict[str, Any]:
    """A published schema by its file's name without `.json`. Raises OSError where there is none."""
    with open(os.path.join(_FOLDER, f"{name}.json"), encoding="utf-8") as file:
        schema: dict[str, Any] = json.load(file)
    return schema


def list_schemas() -> list[str]:
    return sorted(name[: -len(".json")] for name in os.listdir(_FOLDER) if name.endswith(".json"))


def compile_schema(schema: dict[str, Any]) -> Check:
    wanted = schema.get("description", "what its schema says")
    unknown = set(schema) - set(_KEYWORDS) - _OF_MEMBERS - _SILENT
    if unknown:
        raise ValueError(f"schema keywords that are not known here: {', '.join(sorted(unknown))}")
    checks = [make(schema, wanted) for keyword, make in _KEYWORDS.items() if keyword in schema]
    if not _OF_MEMBERS.isdisjoint(schema):
        checks.append(_members(schema))
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> Optional[Fault]:
        for one in checks:
            fault = one(value)
            if fault is not None:
                return fault
        return None

    return check


def shown(value: object) -> str:
    """Short enough for a message: no message should carry a whole payload."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)) and len(value) > 20:
        return f"a list of {len(value)}"
    try:
        text = json.dumps(value, ensure_ascii=True, default=lambda of: type(of).__name__)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 100 else f"{text[:100]}…"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _type(schema: dict[str, Any], wanted: str) -> Check:
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    tests = [_TYPES[name] for name in names]
    words = f"{' or '.join(names)} ({wanted})"
    return lambda value: None if any(test(value) for test in tests) else Fault("", shown(value), words)


def _equals(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _enum(schema: dict[str, Any], _: str) -> Check:
    values = schema["enum"]
    words = f"one of {shown(values)}"
    return lambda value: None if any(_equals(value, one) for one in values) else Fault("", shown(value), words)


def _const(schema: dict[str, Any], _: str) -> Check:
    return _enum({"enum": [schema["const"]]}, "")


def _pattern(schema: dict[str, Any], wanted: str) -> Check:
    source = schema["pattern"]
    # Python's `$` also matches before a last line feed, ECMAScript's does not.
    matches = re.compile(source[:-1] + r"\Z" if source.endswith("$") else source).search
    words = f"{wanted}, matching {source}"
    return lambda value: Fault("", shown(value), words) if isinstance(value, str) and matches(value) is None else None


def _sized(is_kind: Callable[[Any], bool], keyword: str, unit: str) -> Callable[[dict[str, Any], str], Check]:
    def make(schema: dict[str, Any], wanted: str) -> Check:
        limit = schema[keyword]
        is_max = keyword.startswith("max")
        words = f"at {'most' if is_max else 'least'} {limit} {unit} ({wanted})"

        def check(value: Any) -> Optional[Fault]:
            if not is_kind(value) or (len(value) <= limit if is_max else len(value) >= limit):
                return None
            return Fault("", f"{len(value)} {unit}", words)

        return check

    return make


def _bound(keyword: str) -> Callable[[dict[str, Any], str], Check]:
    def make(schema: dict[str, Any], wanted: str) -> Check:
        limit = schema[keyword]
        sign = -1 if keyword == "minimum" else 1
        words = f"{keyword} {limit} ({wanted})"
        return lambda value: (
            Fault("", shown(value), words) if _is_number(value) and sign * value > sign * limit else None
        )

    return make


def _items(schema: dict[str, Any], _: str) -> Check:
    item = compile_schema(schema["items"])

    def check(value: Any) -> Optional[Fault]:
        if isinstance(value, list):
            for index, one in enumerate(value):
                fault = item(one)
                if fault is not None:
                    return fault.below(index)
        return None

    return check


def _members(schema: dict[str, Any]) -> Check:
    """All about an object's members at once."""
    members = {name: compile_schema(of) for name, of in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    names = compile_schema(schema["propertyNames"]) if "propertyNames" in schema else None
    others = schema.get("additionalProperties", True)
    rest = compile_schema(others) if isinstance(others, dict) else None
    words = {name: of.get("description", "this member") for name, of in schema.get("properties", {}).items()}

    def check(value: Any) -> Optional[Fault]:
        if not isinstance(value, dict):
            return None
        for name in required:
            if name not in value:
                return Fault("", "nothing", words.get(name, "this member")).below(name)
        for name, of in value.items():
            fault = names(name) if names is not None else None
            if fault is None:
                member = members.get(name, rest)
                if member is not None:
                    fault = member(of)
                elif others is False:
                    fault = Fault("", shown(of), "no such member")
            if fault is not None:
                return fault.below(name)
        return None

    return check


def _one_of(schema: dict[str, Any], wanted: str) -> Check:
    branches = [(of.get("properties", {}), compile_schema(of)) for of in schema["oneOf"]]

    def is_meant(properties: dict[str, Any], value: Any) -> bool:
        consts = {name: of["const"] for name, of in properties.items() if "const" in of}
        return isinstance(value, dict) and all(_equals(value.get(name), const) for name, const in consts.items())

    def check(value: Any) -> Optional[Fault]:
        meant = [fits for properties, fits in branches if is_meant(properties, value)]
        faults = [fits(value) for fits in meant]
        if faults.count(None) == 1:
            return None
        return next((fault for fault in faults if fault is not None), Fault("", shown(value), wanted))

    return check


def _any_of(schema: dict[str, Any], wanted: str) -> Check:
    branches = [compile_schema(of) for of in schema["anyOf"]]
    return lambda value: None if any(fits(value) is None for fits in branches) else Fault("", shown(value), wanted)


def _if_then(schema: dict[str, Any], _: str) -> Check:
    condition, consequence = compile_schema(schema["if"]), compile_schema(schema["then"])
    return lambda value: consequence(value) if condition(value) is None else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_KEYWORDS: dict[str, Callable[[dict[str, Any], str], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("minimum"),
    "maximum": _bound("maximum"),
    "minLength": _sized(_is_text, "minLength", "characters"),
    "maxLength": _sized(_is_text, "maxLength", "characters"),
    "pattern": _pattern,
    "minItems": _sized(_is_list, "minItems", "items"),
    "maxItems": _sized(_is_list, "maxItems", "items"),
    "items": _items,
    "minProperties": _sized(_is_object, "minProperties", "members"),
    "maxProperties": _sized(_is_object, "maxProperties", "members"),
    "oneOf": _one_of,
    "anyOf": _any_of,
    "if": _if_then,
}
_OF_MEMBERS = {"required", "properties", "propertyNames", "additionalProperties"}
#: Keywords that check nothing, or that another one takes care of.
_SILENT = {"$schema", "$id", "description", "then"}
