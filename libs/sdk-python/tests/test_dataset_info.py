"""LLaMA-Factory's list of datasets is read as its own loader reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runseal.configuration.dataset_info import read_dataset_info


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "one.json").write_text("[]")
    (tmp_path / "many").mkdir()
    for name in ("b.json", "a.json"):
        (tmp_path / "many" / name).write_text("[]")
    info: dict[str, Any] = {
        "one": {"file_name": "one.json"},
        "many": {"file_name": "many", "formatting": "sharegpt"},
        "hub": {"hf_hub_url": "who/what", "file_name": "one.json"},
        "cloud": {"cloud_file_name": "s3://bucket/file"},
        "gone": {"file_name": "gone.json"},
        "empty": {},
        "odd": 3,
    }
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    return tmp_path


def test_a_dataset_is_a_file_or_all_that_lies_in_a_folder(data: Path) -> None:
    one, many = read_dataset_info(str(data), "one, many")
    assert (one.path, one.files, one.schema, one.fault) == (
        str(data / "one.json"),
        [str(data / "one.json")],
        "alpaca",
        None,
    )
    assert many.files == [str(data / "many" / "a.json"), str(data / "many" / "b.json")]
    assert (many.path, many.schema) == (str(data / "many"), "sharegpt")


def test_a_hub_wins_over_a_file_and_has_no_path(data: Path) -> None:
    found = read_dataset_info(str(data), ["hub", "cloud"])
    assert [(one.source, one.path, one.files, one.fault) for one in found] == [
        ("who/what", None, [], None),
        ("s3://bucket/file", None, [], None),
    ]
    assert [one.source for one in read_dataset_info("ONLINE", "a/b,c/d")] == ["a/b", "c/d"]


@pytest.mark.parametrize("name", ["gone", "empty", "odd", "unknown"])
def test_what_the_trainer_will_not_find_is_said_with_its_name(data: Path, name: str) -> None:
    (found,) = read_dataset_info(str(data), [name])
    assert found.path is None
    assert found.fault is not None
    assert name in found.fault or name == "odd"


@pytest.mark.parametrize("text", [None, "{", "[]", "[" * 100_000])
def test_a_list_that_is_absent_or_broken_is_a_fault_of_every_dataset(data: Path, text: Any) -> None:
    if text is None:
        (data / "dataset_info.json").unlink()
    else:
        (data / "dataset_info.json").write_text(text)
    found = read_dataset_info(str(data), "one,many,")
    assert [one.name for one in found] == ["one", "many"]
    assert all("dataset_info.json" in str(one.fault) for one in found)
