"""What preflight calls clean trains, and what it says LLaMA-Factory refuses, LLaMA-Factory refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ASSETS
from test_preflight import BAD, GONE, GOOD, Case, name_of
from training_folder import CLEAN, MODEL, commit_all, git, yaml_of

from runseal.preflight import check_config

#: Said for the sake of the record, or found when the data or the model are loaded, which is later.
_NOT_THE_PARSERS = (
    "config.in-git",
    "config.variables",
    "dataset.found",
    "dataset.versioned",
    "dataset.unchanged",
    "model.found",
)
#: Refused only when the trainer is made, or not at all: what it would do is the fault.
_LATER = (
    "nothing would be trained",
    "do_train is missing",
    "stage: stf",
    "seed is no number",
    "no loss is ever logged",
    "null",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ASSETS / "data", tmp_path / "data")
    shutil.copytree(ASSETS / "model", tmp_path / MODEL)
    (tmp_path / ".gitignore").write_text("out\nhub\n")
    (tmp_path / "train.yaml").write_text(yaml_of(CLEAN))
    git(tmp_path, "init", "-q")
    commit_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "llamafactory-cli"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(command), "train", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_is_called_clean_trains(folder: Path) -> None:
    # Without a reporter of ours: this is about the configuration.
    assert [one for one in check_config("train.yaml") if one.severity != "ok"] == []
    done = train(folder, "train.yaml", "report_to=none")
    assert done.returncode == 0, done.stderr[-2000:]
    state = json.loads((folder / "out" / "trainer_state.json").read_text())
    assert state["global_step"] == CLEAN["max_steps"]
    again = {one.id for one in check_config("train.yaml") if one.severity == "warn"}
    assert again == {"output.resume"}


def test_an_unknown_key_and_a_name_that_ends_in_json_are_refused(folder: Path) -> None:
    done = train(folder, "train.yaml", "learning_rat=1")
    assert done.returncode != 0
    assert "learning_rat" in done.stderr
    (folder / "train.json").write_text(json.dumps(CLEAN))
    done = train(folder, "train.json")
    assert done.returncode != 0
    assert "has no attribute 'read'" in done.stderr


REFUSED = [
    case
    for case in BAD
    if case.severity == "error"
    and case.name == "train.yaml"
    and case.id not in _NOT_THE_PARSERS
    and case.words not in _LATER
]


@pytest.mark.parametrize("case", [one for one in REFUSED if one.id != "reporting.on"], ids=name_of)
def test_what_is_called_an_error_is_refused(case: Case, folder: Path) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse(case, folder)


@pytest.mark.parametrize(
    "case", [one for one in GOOD if one.id.partition(".")[0] in ("saving", "output", "evaluation")], ids=name_of
)
def test_what_is_called_well_is_taken(case: Case, folder: Path) -> None:
    parse(case, folder)


@pytest.mark.parametrize(
    "case", [one for one in BAD if one.severity == "warn" and one.id.startswith("keys.req")], ids=name_of
)
def test_what_has_a_default_is_taken_without(case: Case, folder: Path) -> None:
    parse(case, folder)


def parse(case: Case, folder: Path) -> Any:
    from llamafactory.hparams import get_train_args

    values = {key: value for key, value in {**CLEAN, "report_to": "none", **case.change}.items() if value is not GONE}
    if case.after is not None:
        case.after(folder)
    return get_train_args(values)
