"""Events are checked before they are accepted, against the very schemas that the server has."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any, Optional

import pytest
from jsonschema import Draft202012Validator
from places import EXAMPLES, SCHEMAS

from runseal.events import schema as runseal_schema
from runseal.events.event import find_invalid, payload_check, retention_of
from runseal.events.schema import compile_schema

EXAMPLE_FILES = sorted(EXAMPLES.glob("*.json"))


def test_the_package_holds_the_published_schemas_to_the_byte() -> None:
    packed = Path(runseal_schema.__file__).parent / "schemas"
    assert {path.name: path.read_bytes() for path in packed.iterdir()} == {
        path.name: path.read_bytes() for path in SCHEMAS.glob("*.json")
    }


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_every_published_example_is_an_event_to_us(path: Path) -> None:
    assert find_invalid(json.loads(path.read_text(encoding="utf-8"))) is None


def _mutations(payload: Any) -> list[Any]:
    """The payload with one thing wrong, or at least other, at each of its places."""
    wrong = [None, True, -1, 0.5, 2**60, "", "x\0y", "x" * 5000, [], {}, [None], {"a": 1}]
    found: list[Any] = []

    def at(path: list[Any]) -> None:
        value = payload
        for step in path:
            value = value[step]
        for other in wrong:
            changed = copy.deepcopy(payload)
            parent = changed
            for step in path[:-1]:
                parent = parent[step]
            if path:
                parent[path[-1]] = other
                found.append(changed)
        if isinstance(value, dict):
            without = copy.deepcopy(payload)
            target = without
            for step in path:
                target = target[step]
            target["surplus"] = 1
            found.append(without)
            for name in value:
                gone = copy.deepcopy(payload)
                target = gone
                for step in path:
                    target = target[step]
                del target[name]
                found.append(gone)
                at([*path, name])
        elif isinstance(value, list):
            for index in range(min(len(value), 2)):
                at([*path, index])

    at([])
    return found


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_we_and_a_known_validator_agree_on_what_fits(path: Path) -> None:
    event = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((SCHEMAS / f"{event['type']}.v{event['version']}.json").read_text(encoding="utf-8"))
    theirs, ours = Draft202012Validator(schema), payload_check(event["type"], event["version"])
    mutations = _mutations(event["payload"])
    random.Random(5).shuffle(mutations)
    for payload in mutations[:400]:
        assert (ours(payload) is None) == theirs.is_valid(payload), payload


def test_a_fault_says_where_and_what() -> None:
    event = json.loads((EXAMPLES / "run.metrics-logged.v1.json").read_text(encoding="utf-8"))
    event["payload"]["rows"][0]["kind"] = "trial"
    found = find_invalid(event)
    assert found is not None
    assert found.code == "invalid_payload"
    assert '/payload/rows/0/kind: found "trial"' in found.detail


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "mine"}, "invalid_event"),
        ({"occurred_at": "yesterday"}, "invalid_event"),
        ({"more": 1}, "invalid_event"),
        ({"type": "run.invented"}, "unknown_event_type"),
        ({"version": 99}, "unknown_event_version"),
        ({"stream": "artifact/a"}, "wrong_stream"),
        ({"stream": "run/A"}, "wrong_stream"),
    ],
)
def test_the_envelope_is_checked_too(change: dict[str, Any], code: str) -> None:
    event = json.loads((EXAMPLES / "run.started.v1.json").read_text(encoding="utf-8"))
    found = find_invalid({**event, **change})
    assert found is not None
    assert found.code == code


def test_a_name_may_not_end_in_a_line_feed() -> None:
    check = compile_schema({"type": "string", "pattern": "^a$"})
    assert [check(text) is None for text in ("a", "a\n", "b")] == [True, False, False]


def test_a_keyword_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="dependentRequired"):
        compile_schema({"type": "object", "dependentRequired": {}})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_what_is_no_number_is_none(value: object) -> None:
    check = compile_schema({"type": "number"})
    assert check(value) is not None


@pytest.mark.parametrize(
    ("event_type", "retention"),
    [
        ("run.metrics-logged", "metrics"),
        ("run.resources-sampled", "telemetry"),
        ("run.log-captured", "logs"),
        ("run.finished", "permanent"),
        ("artifact.registered", "permanent"),
    ],
)
def test_only_rows_samples_and_logs_may_be_refused(event_type: str, retention: Optional[str]) -> None:
    assert retention_of(event_type) == retention
