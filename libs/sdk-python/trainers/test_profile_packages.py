"""What a profile needs packages for: rows of Arrow and Parquet, lengths in tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runseal
from runseal.files.profile_dataset import profile_dataset
from runseal.files.profile_lengths import LengthHistogram

ROWS: list[dict[str, Any]] = [
    {"prompt": f"say {index % 7}", "turns": [{"role": "user", "text": "ä"}], "weight": index / 4, "note": None}
    for index in range(2500)
]


@pytest.fixture
def lines(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


@pytest.mark.parametrize("form", ["parquet", "stream", "file"])
def test_rows_of_arrow_are_the_rows_of_json(tmp_path: Path, lines: str, form: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.Table.from_pylist(ROWS)
    if form == "parquet":
        pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "rows.parquet", row_group_size=700)
    else:
        make = arrow.ipc.new_stream if form == "stream" else arrow.ipc.new_file
        with make(str(tmp_path / "rows.arrow"), table.schema) as writer:
            writer.write_table(table)
    (path,) = (one for one in tmp_path.iterdir() if one.suffix != ".jsonl")
    assert profile_dataset(str(path)).profile == profile_dataset(lines).profile


@pytest.fixture
def tokenizer(tmp_path: Path) -> str:
    tokenizers = pytest.importorskip("tokenizers")
    own = tokenizers.Tokenizer(tokenizers.models.WordLevel({"say": 0, "?": 1, "[CLS]": 2}, unk_token="?"))
    own.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    own.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    own.enable_truncation(2)
    own.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path)


def test_lengths_are_told_in_tokens_without_special_ones_and_uncut(tokenizer: str) -> None:
    lengths = LengthHistogram(tokenizer)
    for row in ({"a": "say it", "b": ["again", {"c": "and again"}]}, {"a": ""}, {"a": None, "b": 1}):
        lengths.add(row)
    result = lengths.result()
    assert result is not None
    assert (result["unit"], result["min"], result["max"], result["mean"]) == ("tokens", 0, 5, 5 / 3)
    assert str(result["tokenizer"]).startswith("sha256:")


def test_the_process_apart_finds_the_packages_of_the_training(tmp_path: Path, lines: str, tokenizer: str) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(runseal.__file__).parents[1])!r})
import runseal
said = []
with runseal.start_run("x", spool_dir={str(tmp_path / "spool")!r}, drain_s=60, say=said.append) as run:
    run.log_input("dataset", role="train", path={lines!r}, profile=True, tokenizer={tokenizer!r})
    assert run.wait_for_hashes(60)
assert len(said) == 1, said
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    events = b"".join(path.read_bytes() for path in (tmp_path / "spool").glob("*/*.seg"))
    assert b'"unit":"tokens"' in events
