"""None"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runseal.configuration.yaml_config import ConfigRefused, YamlMissing, read_yaml_config

YAML = """# train on ${NOT_NEEDED}
model_name_or_path: ${BASE_MODEL_PATH}
lora_rank: ${LORA_RANK:-16}
learning_rate: ${LEARNING_RATE:-2e-4}
report_to: none
deepspeed: {a: [1, 2.0, null, yes]}
"""


def config_file(folder: Path, text: Any, name: str = "train.yaml") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def values_of(folder: Path, text: str, *overrides: str, **variables: str) -> dict[str, Any]:
    return read_yaml_config(config_file(folder, text), overrides, variables).values


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, "-C", str(folder), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_tells_the_bytes_what_becomes_of_them_and_what_the_trainer_gets(tmp_path: Path) -> None:
    path = config_file(tmp_path, YAML)
    read = read_yaml_config(path, ["lora_rank=8", "deepspeed.b=x"], {"BASE_MODEL_PATH": "who/what"})
    assert read.raw == YAML.encode()
    assert read.digest == "sha256:" + hashlib.sha256(YAML.encode()).hexdigest()
    expanded = YAML.replace("${BASE_MODEL_PATH}", "who/what").replace("${LORA_RANK:-16}", "16")
    assert read.expanded.decode() == expanded.replace("${LEARNING_RATE:-2e-4}", "2e-4")
    assert read.expanded_digest == "sha256:" + hashlib.sha256(read.expanded).hexdigest()
    assert read.resolved == (
        '{"deepspeed":{"a":[1,2,null,true],"b":"x"},"learning_rate":0.0002,"lora_rank":8,'
        '"model_name_or_path":"who/what","report_to":"none"}'
    )
    assert read.resolved_digest == "sha256:" + hashlib.sha256(read.resolved.encode()).hexdigest()
    assert (read.unset, read.literal, read.masked, read.git) == ([], [], [], None)
    assert read.lines["lora_rank"] == 3


@pytest.mark.parametrize(
    ("text", "variables", "value"),
    [
        ("${A}", {"A": "5"}, 5),
        ("${A}", {"A": ""}, None),
        ("${A:-7}", {}, 7),
        ("${A:-7}", {"A": ""}, 7),
        ("${A-7}", {"A": ""}, None),
        ("${A-7}", {}, 7),
        ("${A:-}", {}, None),
        ("${A:-${B:-x}}/y", {}, "x/y"),
        ("${A:-${B}}/y", {"B": "b"}, "b/y"),
        ("${A:-${B}}/y", {"A": "a"}, "a/y"),
        ("/data/${A}-${B}", {"A": "a", "B": "${A}"}, "/data/a-${A}"),
        ('"${A}"', {"A": "5"}, "5"),
        ("${A}", {}, "${A}"),
        ("$A", {"A": "x"}, "$A"),
        ("${oc.env:A}", {"A": "x"}, "${oc.env:A}"),
    ],
)
def test_variables_are_put_in_as_a_shell_does_and_stay_where_none_is_set(
    text: str, variables: dict[str, str], value: object, tmp_path: Path
) -> None:
    assert values_of(tmp_path, f"key: {text}", **variables) == {"key": value}


def test_names_the_variables_that_are_needed_and_unset_and_not_those_of_comments(tmp_path: Path) -> None:
    path = config_file(tmp_path, YAML + "odd: ${oc.env:HOME}\nlist: [x, {y: '${OTHER}/z'}]\n")
    read = read_yaml_config(path, [], {})
    assert read.unset == ["BASE_MODEL_PATH", "OTHER"]
    assert read.literal == [
        ("model_name_or_path", "${BASE_MODEL_PATH}"),
        ("odd", "${oc.env:HOME}"),
        ("list[1].y", "${OTHER}/z"),
    ]
    assert read_yaml_config(path, ["model_name_or_path=x"], {}).unset == ["OTHER"]


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("a=1e-4", {"a": 0.0001}),
        ("a", {"a": None}),
        ("a=", {"a": None}),
        ("a=x=y", {"a": "x=y"}),
        ("a=x: y", {"a": {"z": 0, "x": "y"}}),
        ("a=[1,b]", {"a": [1, "b"]}),
        ("a.b.c=2", {"a": {"z": 0, "b": {"c": 2}}}),
        ("a[0]=1", {"a": {"z": 0, "0": 1}}),
        ("b=true", {"a": {"z": 0}, "b": True}),
        ("--a", {"a": {"z": 0}, "--a": None}),
    ],
)
def test_overrides_change_the_values_as_the_trainers_command_line_does(
    override: str, value: object, tmp_path: Path
) -> None:
    assert values_of(tmp_path, "a: {z: 0}", override) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 0.0002),
        ("2.0e-3", 0.002),
        (".5e-3", 0.0005),
        ("-1e5", -100000.0),
        ("1_000", 1000),
        ("2024-01-01", "2024-01-01"),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("017", 15),
        ("0o17", "0o17"),
        ("1:30", 90),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
    ],
)
def test_reads_plain_texts_as_the_trainer_does(text: str, value: object, tmp_path: Path) -> None:
    read = values_of(tmp_path, f"key: {text}")["key"]
    assert (type(read), read) == (type(value), value)


def test_follows_aliases_and_merges(tmp_path: Path) -> None:
    text = "base: &b {a: 1, b: 1}\nmore: &m {b: 2, c: 2}\none:\n  <<: [*b, *m]\n  a: 0\nlist: *b\n"
    values = values_of(tmp_path, text)
    assert values["one"] == {"a": 0, "b": 1, "c": 2}
    assert values["list"] == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1", "'a' stands twice"),
        ("a:\n  b: 1\n  b: 2\n", "3:3", "'b' stands twice"),
        ("a: 1\n\tb: 2\n", "2:1", "tab"),
        ("a: !!python/object:os.system x", "1:4", "tag"),
        ("a: !custom x", "1:4", "tag"),
        ("a: !!set {x}", "1:4", "tag"),
        ("a: !!binary aGk=", "1:4", "tag"),
        ("a: !!int x", "1:4", "is no int"),
        ("- a\n- b\n", "1:1", "no mapping"),
        ("text", "1:1", "no mapping"),
        ("", "", "is empty"),
        ("# nothing\n", "", "is empty"),
        ("a: [1\nb: 2\n", "2:2", "expected"),
        ("a: 1\n---\nb: 2\n", "2:1", "document"),
        ("a: b: c", "1:5", "not allowed"),
        ("1: x", "1:1", "read as 1"),
        ("yes: x", "1:1", "read as True"),
        ("? [a]\n: x", "1:3", "read as"),
        ("a: *nothing", "1:4", "undefined alias"),
        ("a: &a [*a]", "1:4", "undefined|deeper|recursive"),
        ("a: \x07", "1:4", "character"),
        ("a: x\n<<: 5\n", "2:5", "<<"),
        (b"ok: 1\nna\xefve: 1\n", "2:3", "UTF-8"),
        (b"\xff\xfea\x00:\x00", "1:1", "UTF-8"),
        ("a: " + "[" * 40 + "]" * 40, "1:36", "deeper than 32"),
        ("a: " + "[" * 5000, "", "deeper than 32|expected"),
        ("a: " + "9" * 400, "", "300 digits"),
        ('a: "\\ud800"', "1:4", "surrogate"),
        ("a: [${A}]", "1:6", "not set: A"),
        ("#" * 1_000_001, "", "larger than 1000000 bytes"),
    ],
)
def test_refuses_with_the_place(text: Any, place: str, words: str, tmp_path: Path) -> None:
    path = config_file(tmp_path, text)
    with pytest.raises(ConfigRefused, match=words) as caught:
        read_yaml_config(path, [], {})
    assert str(caught.value).startswith(f"{path}:{place}: " if place else f"{path}: ")


def test_refuses_a_small_text_that_stands_for_a_large_value(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigRefused, match="more than 20000 values"):
        values_of(tmp_path, "\n".join(lines))


def test_a_variable_cannot_add_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match=":2:1: the variable A holds a line break"):
        values_of(tmp_path, "b: 1\na: ${A}\n", A="x\nhub_token: y")


@pytest.mark.parametrize("override", ["=1", "a=[1", "a=!!python/name:os.system x", "..=1"])
def test_refuses_an_override_that_says_nothing(override: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="the override"):
        values_of(tmp_path, "a: 1", override)


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match=r"gone\.yaml: does not exist"):
        read_yaml_config(str(tmp_path / "gone.yaml"))
    with pytest.raises(ConfigRefused, match="is no file"):
        read_yaml_config(str(tmp_path))


def test_json_is_read_by_its_name_and_refused_as_strictly(tmp_path: Path) -> None:
    path = config_file(tmp_path, '{"a": ${A:-1}, "b": {"c": [true, null]}}', "train.json")
    assert read_yaml_config(path, [], {}).values == {"a": 1, "b": {"c": [True, None]}}
    for text, words in [
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": 1,\n}', ":2:1: "),
        ("[1]", "no object"),
        ("[" * 100_000, "train.json"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "deeper than 32"),
        ('{"a": "\\ud800"}', "surrogate"),
    ]:
        with pytest.raises(ConfigRefused, match=words):
            read_yaml_config(config_file(tmp_path, text, "train.json"), [], {})


def test_without_pyyaml_says_so_and_still_reads_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(YamlMissing, match=r"train\.yaml: reading YAML needs PyYAML"):
        read_yaml_config(config_file(tmp_path, YAML))
    assert read_yaml_config(config_file(tmp_path, '{"a": 1}', "train.json")).values == {"a": 1}


def test_secrets_stand_in_nothing_that_is_recorded(tmp_path: Path) -> None:
    text = "hub_token: ${HUB}\nrun_name: run-${MY_SECRET}\nargs: {api_key: abc}\nplain: ${PLAIN}\n"
    variables = {"HUB": "hub-value", "MY_SECRET": "hunter2hunter2", "PLAIN": "plain"}
    read = read_yaml_config(config_file(tmp_path, text), ["wandb.api_key=zzz"], variables)
    assert json.loads(read.resolved) == {
        "hub_token": "[masked]",
        "run_name": "run-[masked]",
        "args": {"api_key": "[masked]"},
        "wandb": {"api_key": "[masked]"},
        "plain": "plain",
    }
    assert read.masked == ["/args/api_key", "/hub_token", "/run_name", "/wandb/api_key"]
    assert read.values["hub_token"] == "hub-value"
    assert "abc" not in read.masked_text
    with pytest.raises(ConfigRefused) as caught:
        read_yaml_config(config_file(tmp_path, "a: 1"), ["hub_token=hunter2: [", "x=1"], {})
    assert "hunter2" not in str(caught.value)
