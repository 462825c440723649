"""What a dataset is said to be like is what a plain count over its rows gives."""

from __future__ import annotations

import csv
import json
import math
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runseal.canonical_json import canonical_json
from runseal.events.event import payload_check
from runseal.files.profile_dataset import guess_schema, profile_dataset
from runseal.files.profile_lengths import EDGES
from runseal.files.profile_rows import Unreadable, read_rows
from runseal.files.profile_sketch import RowHashes, row_hash

ROWS = [
    {"instruction": "say hi", "input": None, "output": "hi"},
    {"instruction": "say hi", "output": "hi", "input": None},
    {"instruction": "count", "output": "1 2 3" * 10, "weight": 2},
    {"instruction": "count", "output": ["1", "2"], "weight": 0.5},
]

SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def as_array(rows: list[Any], **options: Any) -> str:
    return json.dumps(rows, **options)


def as_lines(rows: list[Any], **options: Any) -> str:
    return "".join(json.dumps(row, **options) + "\n" for row in rows)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
@pytest.mark.parametrize("written", [as_array, as_lines], ids=["array", "lines"])
def test_a_dataset_is_counted_whatever_its_file_is_called(tmp_path: Path, name: str, written: Any) -> None:
    (tmp_path / name).write_text("\ufeff" + written(ROWS), encoding="utf-8")
    profile, note = profile_dataset(str(tmp_path / name))
    assert note is None
    assert profile["rows"] == 4
    assert profile["columns"] == [
        {"name": "instruction", "type": "string", "missing": 0},
        {"name": "input", "type": None, "missing": 4},
        {"name": "output", "type": "list or string", "missing": 0},
        {"name": "weight", "type": "number", "missing": 2},
    ]
    assert profile["duplicate_rows"] == 1
    lengths = profile["token_lengths"]
    assert (lengths["unit"], lengths["tokenizer"], lengths["min"], lengths["max"]) == ("characters", None, 9, 56)
    assert lengths["mean"] == (9 + 9 + 56 + 9) / 4
    assert dict(zip(lengths["edges"], lengths["counts"])) == {**dict.fromkeys(EDGES, 0), 8: 3, 32: 1}
    texts = {canonical_json(row) for row in ROWS}
    assert profile["row_sketch"]["hashes"] == sorted(sha256(text.encode()).hexdigest()[:16] for text in texts)
    assert guess_schema(profile) == "alpaca"
    event = {"run": None, "assessor": {"name": "x", "version": None}, "kind": "dataset", "tensors_finite": None}
    assert payload_check("artifact.assessed", 1)({**event, "profile": profile, "asserted": []}) is None


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 2]), st.booleans())
def test_any_json_is_read_back_row_by_row(tmp_path: Path, rows: list[Any], indent: Any, is_array: bool) -> None:
    if not is_array and rows and isinstance(rows[0], list):
        rows[0] = {}
    text = (as_array if is_array else as_lines)(rows, indent=indent)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert repr(list(read_rows(str(tmp_path / "a.json")))) == repr(rows)
    assert profile_dataset(str(tmp_path / "a.json")).profile["rows"] == len(rows)


@pytest.mark.parametrize("size", [1, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 + 7])
def test_a_row_is_whole_wherever_a_piece_of_the_file_ends(tmp_path: Path, size: int) -> None:
    rows = [{"a": "x" * size}, 12345678, {"a": "\U0001f600" * (size // 3)}, [1], 7]
    for text in (as_array(rows, ensure_ascii=False), as_lines(rows, ensure_ascii=False)):
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        assert list(read_rows(str(tmp_path / "a.json"))) == rows


@pytest.mark.parametrize(
    "text", ["[1", "[1 2]", "[1,]", "[,1]", '{"a":', "[1] 2", "nonsense", '{"a":1}\nx', "[" * 100_000, "\x80", "[1]]"]
)
def test_what_is_no_json_is_refused_rather_than_counted_in_part(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Unreadable, match=r"a\.json"):
        profile_dataset(str(tmp_path / "a.json"))


def test_a_row_that_memory_should_not_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runseal.files.profile_rows._ROW_CHARACTERS_MAX", 2 * 1024 * 1024)
    (tmp_path / "a.json").write_text('[1, "' + "x" * 9_000_000)
    with pytest.raises(Unreadable, match="row 1 is longer"):
        list(read_rows(str(tmp_path / "a.json")))


def test_csv_has_texts_and_an_empty_field_is_missing(tmp_path: Path) -> None:
    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["q", "a"], ["what, now", "line\nfeed"], ["", "b"], ["only"], ["x", "y", "surplus"]]
        )
    profile = profile_dataset(str(tmp_path / "a.csv")).profile
    assert profile["rows"] == 4
    assert [(column["name"], column["missing"]) for column in profile["columns"]] == [("q", 1), ("a", 1), ("", 3)]


def test_a_folder_counts_its_files_of_rows_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.jsonl").write_text(as_lines(ROWS))
    (tmp_path / "a.json").write_text(as_array(ROWS))
    (tmp_path / "lines.txt").write_text("one\n\ntwo")
    for name in ("README.md", "dataset_info.json", ".hidden.json"):
        (tmp_path / name).write_text("{not json")
    profile = profile_dataset(str(tmp_path)).profile
    assert (profile["rows"], profile["duplicate_rows"]) == (11, 5)
    some = [str(tmp_path / "a.json"), str(tmp_path / "sub" / "b.jsonl")]
    assert profile_dataset(some).profile["rows"] == 8
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unreadable, match="no file of rows"):
        profile_dataset(str(tmp_path / "empty"))
    with pytest.raises(Unreadable, match="not known"):
        profile_dataset(str(tmp_path / "README.md"))


def test_parquet_without_pyarrow_is_said_to_need_it(tmp_path: Path) -> None:
    try:
        import pyarrow  # type: ignore[import-not-found,unused-ignore] # noqa: F401
    except ImportError:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        with pytest.raises(Unreadable, match="pyarrow"):
            profile_dataset(str(tmp_path / "a.parquet"))
    else:
        pytest.skip("pyarrow is here")


def test_no_time_is_no_profile(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(as_lines([1] * 1000))
    with pytest.raises(TimeoutError, match="64 rows of it"):
        profile_dataset(str(tmp_path / "a.jsonl"), limit_s=0)


@given(VALUES)
def test_a_rows_hash_is_that_of_its_canonical_json(value: Any) -> None:
    try:
        text = canonical_json(value).encode()
    except ValueError:
        # What JSON cannot say has a hash all the same, and one that it keeps.
        assert row_hash(value) == row_hash(value)
    else:
        assert f"{row_hash(value):016x}" == sha256(text).hexdigest()[:16]


def test_rows_that_mean_the_same_have_one_hash_and_others_have_not() -> None:
    same = [{"b": 1, "a": 2.0}, {"a": 2, "b": 1.0}]
    assert row_hash(same[0]) == row_hash(same[1])
    assert row_hash({"a": math.nan}) == row_hash({"a": "NaN"})
    assert row_hash({"a": "\ud800"}) == row_hash({"a": "\ufffd"})
    assert len({row_hash(value) for value in (None, 0, "0", False, [], {}, "", [0], {"a": None})}) == 9
    # Names are ordered by UTF-16, not by code points.
    names = {"\ue000": 1, "\U00010000": 2}
    assert f"{row_hash(names):016x}" == sha256(canonical_json(names).encode()).hexdigest()[:16]
    assert row_hash(10**400) == row_hash("Infinity")


def overlap(left: list[str], right: list[str], size: int) -> float:
    """The estimate that the module's page describes."""
    smallest = sorted({*left, *right})[:size]
    return sum(one in left and one in right for one in smallest) / len(smallest)


def sketch(rows: range, size: int) -> list[str]:
    hashes = RowHashes(size)
    for row in rows:
        hashes.add({"row": row})
    found: list[str] = hashes.sketch()["hashes"]
    return found


@pytest.mark.parametrize("shared", [0, 50, 500, 1500, 2000])
def test_two_sketches_tell_how_much_two_datasets_share(shared: int) -> None:
    left, right = range(2000), range(2000 - shared, 4000 - shared)
    truth = shared / (4000 - shared)
    estimate = overlap(sketch(left, 512), sketch(right, 512), 512)
    assert abs(estimate - truth) <= 4 * math.sqrt(truth * (1 - truth) / 512)
    assert overlap(sketch(left, 4096), sketch(right, 4096), 4096) == truth


def test_a_sketch_is_of_distinct_rows_in_any_order_and_duplicates_are_counted_in_bounded_memory() -> None:
    rows = [index % 700 for index in range(3000)]
    random.Random(1).shuffle(rows)
    hashes, bounded = RowHashes(100), RowHashes(100, distinct_max=699)
    for row in rows:
        hashes.add(row)
        bounded.add(row)
    wanted = sorted({f"{row_hash(row):016x}" for row in range(700)})[:100]
    assert hashes.sketch() == bounded.sketch() == {"method": "bottom-k-sha256", "k": 100, "hashes": wanted}
    assert hashes.duplicates == 2300
    assert bounded.duplicates is None
