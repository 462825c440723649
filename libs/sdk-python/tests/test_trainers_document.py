"""docs/trainers.md shows nothing that no test runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from documented import DOCUMENT, read_blocks
from places import ROOT

import runseal
from runseal.configuration.launch import read_launch

TESTS = ROOT / "libs" / "sdk-python" / "trainers" / "test_run_command_documented.py"


def test_each_block_is_run_by_a_test_with_real_trainers() -> None:
    run = set(re.findall(r'\b(?:sh|write)\("([\w.-]+)"', TESTS.read_text(encoding="utf-8")))
    assert run == set(read_blocks())


def test_the_wheel_that_is_named_is_this_one() -> None:
    assert f"runseal-{runseal.__version__}-py3-none-any.whl" in read_blocks()["install"]


def test_the_configuration_is_one_that_preflight_has_nothing_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    from training_folder import commit_all, git

    from runseal.preflight import check_config

    folder = tmp_path
    monkeypatch.chdir(folder)
    for name, text in {
        "data/tasks.json": "[]",
        "data/tasks_held_out.json": "[]",
        "data/dataset_info.json": json.dumps(
            {name: {"file_name": f"{name}.json"} for name in ("tasks", "tasks_held_out")}
        ),
        "models/base/config.json": "{}",
        "train.yaml": read_blocks()["train.yaml"],
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "-q")
    commit_all(folder)
    found = check_config(
        "train.yaml", environment={"RUNSEAL_EXPERIMENT": "x", "RUNSEAL_URL": "http://x", "RUNSEAL_API_KEY": "k"}
    )
    assert [one.id for one in found if one.severity == "error"] == []
    assert read_launch(["llamafactory-cli", "train", "train.yaml"]).output_dir == "saves/support-lora"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENT.read_text(encoding="utf-8")):
        assert (DOCUMENT.parent / target).exists(), target


def test_the_readme_shows_the_shortest_of_them() -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    line = read_blocks()["run"].splitlines()[-1]
    assert line.startswith("runseal run")
    assert line in shown
    assert f"/sdk/runseal-{runseal.__version__}-py3-none-any.whl" in shown
