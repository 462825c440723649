"""Reads the text of a configuration as LLaMA-Factory's reader (OmegaConf) does, and refuses what nobody should train with."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple, Optional

_DEPTH_MAX = 32
#: After aliases are followed: a small text can stand for a large value.
_NODES_MAX = 20_000
_YAML = "tag:yaml.org,2002:"
_PLAIN = frozenset(_YAML + name for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge"))
#: A float of YAML 1.1 needs a point; `2e-4` is one here as well, as OmegaConf has it.
_FLOAT = re.compile(
    r"[-+]?[0-9]+(?:_[0-9]+)*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"
    r"|\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
)


class ConfigRefused(ValueError):
    """A configuration that cannot be read, with the place where that shows: line and column count from 1, 0 is unknown."""

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


class YamlMissing(ConfigRefused):
    """PyYAML is not installed here; every environment of LLaMA-Factory has it."""

    def __init__(self, place: str = "") -> None:
        super().__init__(f"{place}reading YAML needs PyYAML, which is not installed here (pip install pyyaml)")


class Values(NamedTuple):
    mapping: dict[str, Any]
    #: The line of each key of the first level, from 1.
    lines: dict[str, int]


def parse_yaml(text: str) -> Values:
    """The mapping that a YAML text holds. Raises ConfigRefused."""
    value, node = _parse(text)
    if node is None:
        raise ConfigRefused("is empty, wanted a mapping of keys")
    if not isinstance(value, dict):
        raise _at(node, "is no mapping of keys")
    return Values(value, {key.value: key.start_mark.line + 1 for key, _ in node.value})


def parse_yaml_value(text: str) -> Any:
    """One value as it stands behind `key=` on a command line. Raises ConfigRefused."""
    return _parse(text)[0]


def parse_json(text: str) -> Values:
    """The mapping that a JSON text holds. Raises ConfigRefused."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ConfigRefused(error.msg, error.lineno, error.colno) from None
    except (RecursionError, ValueError) as error:
        problem = str(error) if isinstance(error, ConfigRefused) else f"cannot be read as JSON: {error}"
        raise ConfigRefused(problem) from None
    if not isinstance(value, dict):
        raise ConfigRefused("is no object with keys", 1, 1)
    _check_depth(value)
    return Values(value, {})


def _parse(text: str) -> tuple[Any, Any]:
    """The value of a YAML text and its node, None twice where there is none."""
    yaml = _yaml()
    try:
        loader = _loader_class()(text)
        try:
            node = loader.get_single_node()
            return (None, None) if node is None else (_Builder(yaml, loader).build(node, 0), node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _refusal(error.problem or error.context, error.problem_mark or error.context_mark) from None
    except yaml.YAMLError as error:
        raise _unreadable(text, error) from None
    except RecursionError:
        raise ConfigRefused(f"is nested deeper than {_DEPTH_MAX} levels") from None


class _Builder:
    """Makes values out of nodes; follows aliases, with a limit."""

    def __init__(self, yaml: Any, loader: Any) -> None:
        self._yaml = yaml
        self._loader = loader
        self._nodes = 0

    def build(self, node: Any, depth: int) -> Any:
        self._nodes += 1
        if depth > _DEPTH_MAX:
            raise _at(node, f"is nested deeper than {_DEPTH_MAX} levels")
        if self._nodes > _NODES_MAX:
            raise _at(node, f"stands for more than {_NODES_MAX} values")
        if node.tag not in _PLAIN:
            raise _at(node, f"the tag {node.tag.replace(_YAML, '!!')} is not allowed, plain values are")
        if isinstance(node, self._yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, self._yaml.SequenceNode):
            return [self.build(one, depth + 1) for one in node.value]
        return self._scalar(node)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _YAML + "merge":
                merged = {**self._merge(value_node, depth), **merged}
                continue
            key = self.build(key_node, depth + 1)
            if not isinstance(key, str):
                raise _at(key_node, f"the key is read as {key!r}; put a text into quotes")
            if key in own:
                raise _at(key_node, f"the key {key!r} stands twice")
            own[key] = self.build(value_node, depth + 1)
        return {**merged, **own}

    def _merge(self, node: Any, depth: int) -> dict[str, Any]:
        parts = node.value if isinstance(node, self._yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, self._yaml.MappingNode):
                raise _at(part, "<< takes a mapping or a list of them")
            # The first one wins.
            merged = {**self.build(part, depth + 1), **merged}
        return merged

    def _scalar(self, node: Any) -> Any:
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, IndexError, OverflowError, TypeError):
            raise _at(node, f"is no {node.tag.replace(_YAML, '')}") from None
        if isinstance(value, str) and not _is_unicode(value):
            raise _at(node, "holds half a surrogate pair, which is no text")
        return value


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise YamlMissing from None
    return yaml


@lru_cache(maxsize=1)
def _loader_class() -> Any:
    """A safe loader without dates, because OmegaConf reads them as text."""
    safe = _yaml().SafeLoader
    own: Any = type("ConfigLoader", (safe,), {})
    # A copy: the table belongs to PyYAML.
    own.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in forms if tag not in (_YAML + "timestamp", _YAML + "float")]
        for first, forms in safe.yaml_implicit_resolvers.items()
    }
    own.add_implicit_resolver(_YAML + "float", _FLOAT, list("-+0123456789."))
    return own


def _unreadable(text: str, error: Any) -> ConfigRefused:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return ConfigRefused(f"cannot be read as YAML: {error}")
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    return ConfigRefused(f"holds the character {text[position : position + 1]!r}", line, column)


def _refusal(problem: Optional[str], mark: Any) -> ConfigRefused:
    words = problem or "cannot be read as YAML"
    if "'\\t'" in words:
        words = "a tab stands where only spaces may"
    return ConfigRefused(words, mark.line + 1, mark.column + 1) if mark else ConfigRefused(words)


def _at(node: Any, problem: str) -> ConfigRefused:
    return ConfigRefused(problem, node.start_mark.line + 1, node.start_mark.column + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ConfigRefused(f"the key {name!r} stands twice")
        found[name] = value
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEPTH_MAX + 1):
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in level if isinstance(one, (dict, list))]
        if not level:
            return
    raise ConfigRefused(f"is nested deeper than {_DEPTH_MAX} levels")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
