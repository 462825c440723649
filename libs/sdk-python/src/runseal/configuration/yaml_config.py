"""Reads the configuration of a LLaMA-Factory run before the trainer does: what stands in the file, what becomes of it, and
which commit holds it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional

from ..canonical_json import canonical_json
from ..environment import read_variables
from ..events.masking import MASK, is_secret_name, mask_secrets, mask_text
from ..events.payloads import encode_number
from ..surroundings.file_in_git import FileInGit, find_in_git
from .yaml_values import ConfigRefused, YamlMissing, parse_json, parse_yaml, parse_yaml_value

__all__ = ["ConfigRefused", "YamlConfig", "YamlMissing", "read_yaml_config"]

BYTES_MAX = 1_000_000
_INTEGER_MAX = 2**53 - 1
#: `${NAME}`, `${NAME:-default}`, `${NAME-default}`; a default may hold one more of them.
_VARIABLE = re.compile(
    r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)((?:[^{}\n]|\$\{[^{}\n]*\})*))?\}",
)
_UNSET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: What is shorter would hide half of the configuration.
_SECRET_MIN = 6


class YamlConfig(NamedTuple):
    path: str
    #: The file's bytes and their digest.
    raw: bytes
    digest: str
    #: The same with `${...}` put in: what the trainer is to read. A variable that is unset and has no default stays as it
    #: stands. Holds secrets where the file or its variables do.
    expanded: bytes
    expanded_digest: str
    #: What the trainer gets: expanded, with the overrides of the command line. Holds secrets.
    values: dict[str, Any]
    #: `values` as canonical JSON without secrets, and its digest.
    resolved: str
    resolved_digest: str
    #: JSON pointers of what was masked in `resolved`.
    masked: list[str]
    #: The file's text, to keep: secrets masked, variables not put in.
    masked_text: str
    #: Names of variables that some value needs and that are not set.
    unset: list[str]
    #: Key and text of what still looks like a variable, the unset ones included: the trainer gets it literally.
    literal: list[tuple[str, str]]
    #: The line of each key of the first level, from 1; empty for JSON.
    lines: dict[str, int]
    git: Optional[FileInGit]


def read_yaml_config(
    path: str, overrides: Sequence[str] = (), variables: Optional[Mapping[str, str]] = None
) -> YamlConfig:
    """Reads a YAML or JSON file (by its name) and what `llamafactory-cli train FILE key=value ...` changes in it.

    `variables` are the process's own unless given. Raises ConfigRefused, a ValueError whose text begins with file, line and
    column; YamlMissing, one of its kind, without PyYAML; OSError where the file cannot be read.
    """
    known = read_variables() if variables is None else variables
    raw = _read(path)
    text = _decode(path, raw)
    expanded, used = expand(path, text, known)
    try:
        read = parse_json(expanded) if path.endswith(".json") else parse_yaml(expanded)
        values = _override(read.mapping, overrides)
        _check_numbers(values)
    except YamlMissing:
        raise YamlMissing(f"{path}: ") from None
    except ConfigRefused as refused:
        raise _placed(path, refused, _names_in(expanded)) from None
    secrets = [known[name] for name in used if is_secret_name(name) and len(known.get(name, "")) >= _SECRET_MIN]
    shown, masked = mask_secrets(_plain(values))
    shown, hidden = _hide(shown, secrets, "")
    resolved = canonical_json(shown)
    literal = list(_literals(values))
    return YamlConfig(
        path=path,
        raw=raw,
        digest=_digest(raw),
        expanded=expanded.encode(),
        expanded_digest=_digest(expanded.encode()),
        values=values,
        resolved=resolved,
        resolved_digest=_digest(resolved.encode()),
        masked=sorted({*masked, *hidden}),
        masked_text=mask_text(text),
        unset=_names_in(*(value for _, value in literal)),
        literal=literal,
        lines=read.lines,
        git=find_in_git(path),
    )


def expand(path: str, text: str, variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with variables put in as a shell does, and which were. Raises ConfigRefused where a value has several lines:
    it would add keys."""
    used: list[str] = []

    def put_in(found: re.Match[str]) -> str:
        name, operator, default = found[1], found[2], found[3]
        value = variables.get(name)
        if value is None or (operator == ":-" and value == ""):
            return found[0] if operator is None else _VARIABLE.sub(put_in, default)
        if "\n" in value or "\r" in value:
            line = text.count("\n", 0, found.start()) + 1 if found.string is text else 0
            raise _placed(path, ConfigRefused(f"the variable {name} holds a line break", line, 1 if line else 0), [])
        used.append(name)
        return value

    return _VARIABLE.sub(put_in, text), list(dict.fromkeys(used))


def _read(path: str) -> bytes:
    if not os.path.isfile(path):
        raise ConfigRefused(f"{path}: is no file" if os.path.exists(path) else f"{path}: does not exist")
    with open(path, "rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ConfigRefused(f"{path}: is larger than {BYTES_MAX} bytes")
    return raw


def _decode(path: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        refused = ConfigRefused(f"is not UTF-8: byte 0x{raw[error.start]:02x}", before.count(b"\n") + 1, column)
        raise _placed(path, refused, []) from None


def _override(mapping: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """As OmegaConf merges its dotted list: the value is YAML, `a.b=1` reaches inside, a key alone is null."""
    values = mapping
    for one in overrides:
        name, equals, text = one.partition("=")
        try:
            value = parse_yaml_value(text) if equals else None
        except YamlMissing:
            raise
        except ConfigRefused as refused:
            raise ConfigRefused(f"the override {mask_text(one)!r}: {refused}") from None
        for part in reversed([part for part in re.split(r"[.\[\]]", name) if part]):
            value = {part: value}
        if not isinstance(value, dict) or not name:
            raise ConfigRefused(f"the override {mask_text(one)!r} has no key")
        values = _merge(values, value)
    return values


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        merged[name] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot say become texts, as everywhere in the ledger."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if type(value) is int and abs(value) > _INTEGER_MAX:
        return str(value)
    return encode_number(value) if type(value) is float else value


def _check_numbers(value: Any) -> None:
    """An integer of a thousand digits is a mistake, and slow to write."""
    for _, one in _leaves(value, ""):
        if type(one) is int and one.bit_length() > 1024:
            raise ConfigRefused("holds an integer of more than 300 digits")
        if isinstance(one, str):
            try:
                one.encode()
            except UnicodeEncodeError:
                raise ConfigRefused("holds half a surrogate pair, which is no text") from None


def _literals(values: Any) -> Iterator[tuple[str, str]]:
    return ((place, one) for place, one in _leaves(values, "") if isinstance(one, str) and "${" in one)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if members is None:
        yield place, value
        return
    for name, member in members:
        if isinstance(name, str):
            yield from _leaves(member, f"{place}.{name}" if place else name)
        else:
            yield from _leaves(member, f"{place}[{name}]")


def _names_in(*texts: str) -> list[str]:
    return list(dict.fromkeys(name for text in texts for name in _UNSET.findall(text)))


def _hide(value: Any, secrets: list[str], pointer: str) -> tuple[Any, list[str]]:
    """Without what came from a variable whose name says that it is a secret, wherever it stands."""
    if isinstance(value, str):
        text = value
        for secret in secrets:
            text = text.replace(secret, MASK)
        return text, [] if text == value else [pointer]
    found: list[str] = []
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return value, found
    members = {}
    for name, member in pairs:
        members[name], inner = _hide(member, secrets, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
        found += inner
    return members if isinstance(value, dict) else list(members.values()), found


def _placed(path: str, refused: ConfigRefused, unset: list[str]) -> ConfigRefused:
    place = f"{path}:{refused.line}:{refused.column}" if refused.line else path
    more = f" (variables that are not set: {', '.join(unset)})" if unset else ""
    return ConfigRefused(f"{place}: {mask_text(refused.problem)}{more}", refused.line, refused.column)


def _digest(data: bytes) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(data).hexdigest()}"
