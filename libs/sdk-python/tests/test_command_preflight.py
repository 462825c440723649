from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_folder import CLEAN, commit_all, make_training_folder, yaml_of

from runseal.cli import main
from runseal.commands.preflight import lines_of
from runseal.configuration.yaml_config import read_yaml_config
from runseal.preflight import check_read_config
from runseal.preflight.catalogue import KINDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "preflight.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "training"
    make_training_folder(place)
    monkeypatch.chdir(place)
    monkeypatch.setattr("runseal.preflight.file._installed", lambda: None)
    return place


def write(folder: Path, **change: Any) -> None:
    (folder / "train.yaml").write_text(yaml_of({**CLEAN, **change}))
    commit_all(folder)


def test_says_in_one_line_that_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", "train.yaml"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"train\.yaml: all is well \(\d+ checks are fine\)\n", out)
    assert err == ""


def test_shows_what_is_wrong_by_group_with_the_line_and_what_to_paste(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, save_steps=12, save_total_limit=None)
    assert main(["preflight", "train.yaml", "learning_rat=1"]) == 1
    line = {key: place + 1 for place, key in enumerate(CLEAN)}
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "Keys",
        "  error LLaMA-Factory 0.9.5 does not know the key learning_rat; wanted: perhaps learning_rate  [keys.known]",
        "          learning_rate: 1",
        "Saving",
        f"  warn  train.yaml:{line['save_total_limit']}: save_total_limit is missing: every checkpoint stays on the disk; "
        "wanted: 3 to 5  [saving.limit]",
        "          save_total_limit: 3",
        f"  error train.yaml:{line['load_best_model_at_end']}: save_steps 12 is no multiple of eval_steps 5; "
        "wanted: a checkpoint only where there is an evaluation  [saving.best]",
        "          save_steps: 10",
    ]


@pytest.mark.parametrize(
    ("change", "arguments", "code"),
    [
        ({}, [], 0),
        ({}, ["--strict"], 0),
        ({"report_to": "mlflow"}, ["--strict"], 0),
        ({"save_total_limit": None}, [], 0),
        ({"save_total_limit": None}, ["--strict"], 1),
        ({"save_total_limit": None}, ["--strict", "save_total_limit=3"], 0),
        ({"run_name": None}, ["--strict"], 1),
        ({"run_name": None}, ["--strict", "--experiment", "x"], 0),
        ({"save_steps": 12}, [], 1),
        ({}, ["a=[1"], 2),
        ({}, ["--no-such-option"], 2),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_exit_codes_are_the_same_in_both_forms(
    change: dict[str, Any], arguments: list[str], code: int, form: list[str], folder: Path
) -> None:
    write(folder, **change)
    assert main(["preflight", "train.yaml", *form, *arguments]) == code


def test_json_tells_everything_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, run_name="${NOT_SET_ANYWHERE}")
    assert main(["--json", "preflight", "train.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    told = json.loads(out)
    config = read_yaml_config("train.yaml")
    assert config.git is not None
    assert told["config"] == {
        "path": str(folder / "train.yaml"),
        "digest": config.digest,
        "expanded_digest": config.expanded_digest,
        "resolved_digest": config.resolved_digest,
        "git": {
            "repository": None,
            "commit": config.git.commit,
            "tracked": True,
            "dirty": False,
            "tree_dirty": False,
        },
        "unset": ["NOT_SET_ANYWHERE"],
    }
    assert (told["verdict"], told["errors"], told["warnings"]) == ("findings", 1, 0)
    assert told["known_keys"] == {"llamafactory": "0.9.5", "transformers": "5.6.0"}
    assert [one for one in told["findings"] if one["severity"] != "ok"] == [
        {
            "id": "config.variables",
            "severity": "error",
            "group": "Configuration",
            "key": "run_name",
            "line": list(CLEAN).index("run_name") + 1,
            "found": "${NOT_SET_ANYWHERE} in run_name is not set: the trainer would get it literally",
            "wanted": "a value for NOT_SET_ANYWHERE",
            "fix": "export NOT_SET_ANYWHERE=...",
        }
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: 1\na: 2\n", "train.yaml:2:1: the key 'a' stands twice"), ("[", "train.yaml:1:2: "), (None, "does not exist")],
)
def test_what_cannot_be_read_ends_with_2_and_the_place(
    text: Any, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "train.yaml").unlink()
    if text is not None:
        (folder / "train.yaml").write_text(text)
    assert main(["preflight", "train.yaml"]) == 2
    assert words in capsys.readouterr().err
    assert main(["preflight", "train.yaml", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "undetermined"
    assert words in told["error"]["message"]


def test_colour_and_what_is_well_only_where_asked_for(folder: Path) -> None:
    write(folder, save_steps=12)
    config = read_yaml_config("train.yaml")
    findings = check_read_config(config, {})
    plain = lines_of(config, findings, everything=False, colour=False)
    assert "\033" not in "".join(plain)
    coloured = lines_of(config, findings, everything=False, colour=True)
    assert coloured[1].startswith("  \033[31merror\033[0m")
    assert [re.sub(r"\033\[\d+m", "", line) for line in coloured] == plain
    everything = lines_of(config, findings, everything=True, colour=False)
    assert len([line for line in everything if line.startswith("  ok ")]) == sum(
        one.severity == "ok" for one in findings
    )
    assert not any(line.startswith("  ok ") for line in plain)


def test_the_document_lists_every_finding() -> None:
    listed = re.findall(r"^\| `([a-z.-]+)` +\|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(KINDS)


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from(
            [*CLEAN, "val_size", "do_eval", "bf16", "fp16", "model_revision", "resume_from_checkpoint", "x", "api_key"]
        ),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-3, 600),
            st.floats(),
            st.sampled_from(["steps", "epoch", "no", "none", "${X}", "${X:-1}", "tasks", "", "\0", "../..", "a/b"]),
            st.text(max_size=8),
            st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=2),
            st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_whatever_the_values_are_it_answers(folder: Path, values: dict[str, Any], keep: bool) -> None:
    (folder / "train.yaml").write_text(yaml_of({**(CLEAN if keep else {}), **values}))
    assert main(["preflight", "train.yaml"]) in (0, 1, 2)
    assert main(["preflight", "train.yaml", "--json", "--strict"]) in (0, 1, 2)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_there_is_no_traceback(folder: Path, data: bytes) -> None:
    (folder / "train.yaml").write_bytes(data)
    assert main(["preflight", "train.yaml"]) in (1, 2)


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_whatever_dataset_info_holds_it_answers(folder: Path, data: bytes) -> None:
    (folder / "data" / "dataset_info.json").write_bytes(data)
    assert main(["preflight", "train.yaml"]) == 1
