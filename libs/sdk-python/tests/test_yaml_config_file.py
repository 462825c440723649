"""A configuration as a file: what git knows of it, and whatever bytes it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_yaml_config import config_file, git

from runseal.configuration.yaml_config import ConfigRefused, read_yaml_config


def test_numbers_that_json_has_no_word_for_are_texts_in_the_resolved_form(tmp_path: Path) -> None:
    path = config_file(tmp_path, f"a: .nan\nb: -.inf\nc: {2**60}\nd: 1.0\n")
    assert read_yaml_config(path).resolved == f'{{"a":"NaN","b":"-Infinity","c":"{2**60}","d":1}}'


@pytest.mark.parametrize(
    ("change", "tracked", "dirty", "tree_dirty"),
    [
        (None, True, False, False),
        ("train.yaml", True, True, True),
        ("other.txt", True, False, True),
        ("new.yaml", False, True, False),
        ("ignored.yaml", False, True, False),
    ],
)
def test_tells_what_git_knows_of_the_file(
    change: Optional[str], tracked: bool, dirty: bool, tree_dirty: bool, tmp_path: Path
) -> None:
    config_file(tmp_path, "a: 1\n")
    (tmp_path / "other.txt").write_text("x")
    (tmp_path / ".gitignore").write_text("ignored.yaml")
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://me:secret@host.example/who/what.git")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    if change is not None:
        (tmp_path / change).write_text("a: 2\n")
    path = str(tmp_path / ("train.yaml" if tracked or change is None else change))
    found = read_yaml_config(path).git
    assert found is not None
    assert (found.tracked, found.dirty, found.tree_dirty) == (tracked, dirty, tree_dirty)
    assert found.repository == "https://host.example/who/what.git"
    assert found.commit == git(tmp_path, "rev-parse", "HEAD")
    assert len(found.commit) == 40


def test_a_file_outside_a_repository_and_one_without_a_commit_are_told_apart(tmp_path: Path) -> None:
    assert read_yaml_config(config_file(tmp_path, "a: 1")).git is None
    git(tmp_path, "init", "-q")
    found = read_yaml_config(config_file(tmp_path, "a: 1")).git
    assert found is not None
    assert (found.commit, found.tracked, found.dirty) == (None, False, True)


@settings(max_examples=400)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode(errors="replace")),
        st.lists(st.sampled_from(list("ab:-[]{}&*!|>'\"%@#?,<~.019e+\\ \n\t$") + ["${A}", "<<: *a", "&a ", "!!int "]))
        .map("".join)
        .map(str.encode),
    ),
    st.sampled_from(["x.yaml", "x.json"]),
    st.lists(st.text(max_size=20), max_size=2),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, name: str, overrides: list[str]) -> None:
    try:
        read = read_yaml_config(config_file(tmp_path, data, name), overrides, {"A": "1"})
    except ConfigRefused:
        return
    assert json.loads(read.resolved) is not None
