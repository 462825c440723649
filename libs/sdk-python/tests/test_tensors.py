"""Weights with a number that is not finite are told from those without, and from those that cannot be read."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runseal.files.tensors import tensors_finite

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "BOOL": 1, "C64": 8}


def write(path: Path, tensors: dict[str, tuple[str, bytes]], **header: Any) -> Path:
    place = 0
    members: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, (dtype, data) in tensors.items():
        shape = [len(data) // SIZES[dtype]]
        members[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + len(data)]}
        place += len(data)
    text = json.dumps({**members, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values()))
    return path


def pack(dtype: str, numbers: list[float]) -> bytes:
    if dtype == "BF16":
        return b"".join(struct.pack("<f", number)[2:] for number in numbers)
    return struct.pack(f"<{len(numbers)}{ {'F64': 'd', 'F32': 'f', 'F16': 'e'}[dtype] }", *numbers)


def widths(dtype: str) -> Any:
    return {"F64": 64, "F32": 32, "BF16": 32, "F16": 16}[dtype]


@given(st.data(), st.sampled_from(["F64", "F32", "F16", "BF16"]))
def test_any_numbers_are_judged_as_they_are(tmp_path: Path, data: st.DataObject, dtype: str) -> None:
    numbers = data.draw(st.lists(st.floats(width=widths(dtype)), min_size=1, max_size=20))
    packed = pack(dtype, numbers)
    if dtype == "BF16":
        # Cutting a number off may make a NaN an infinity: both are not finite.
        numbers = [struct.unpack("<f", b"\0\0" + packed[at : at + 2])[0] for at in range(0, len(packed), 2)]
    path = write(tmp_path / "a.safetensors", {"w": (dtype, packed)})
    assert tensors_finite(str(path)).finite == all(map(math.isfinite, numbers))


@pytest.mark.parametrize(
    ("dtype", "infinite"),
    [
        # By the OCP 8-bit formats: E4M3 has one NaN a sign and no infinity, E5M2 is a short half.
        ("F8_E4M3", {0x7F, 0xFF}),
        ("F8_E5M2", {*range(0x7C, 0x80), *range(0xFC, 0x100)}),
        ("F16", {struct.unpack("<H", struct.pack("<e", number))[0] for number in (math.inf, -math.inf)}),
    ],
)
def test_each_bit_pattern_of_a_short_kind_is_judged(tmp_path: Path, dtype: str, infinite: set[int]) -> None:
    if dtype == "F16":
        infinite = {
            bits for bits in range(65_536) if not math.isfinite(struct.unpack("<e", struct.pack("<H", bits))[0])
        }
    for bits in (
        range(256 ** SIZES[dtype]) if dtype != "F16" else [*range(0x7BF0, 0x7C10), *range(0xFBF0, 0xFC10), 0x7FFF]
    ):
        data = bits.to_bytes(SIZES[dtype], "little")
        path = write(tmp_path / "a.safetensors", {"w": (dtype, b"\0" * SIZES[dtype] + data)})
        assert tensors_finite(str(path)).finite == (bits not in infinite), hex(bits)


def test_a_huge_tensor_is_read_to_its_last_number(tmp_path: Path) -> None:
    big = bytearray(9 * 1024 * 1024)
    path = write(tmp_path / "a.safetensors", {"first": ("I64", b"\xff" * 8), "w": ("F32", bytes(big))})
    assert tensors_finite(str(path)) == (True, None)
    big[-4:] = struct.pack("<f", math.nan)
    path = write(tmp_path / "a.safetensors", {"first": ("I64", b"\xff" * 8), "w": ("F32", bytes(big))})
    finite, reason = tensors_finite(str(path))
    assert finite is False
    assert "w holds numbers that are not finite" in str(reason)
    # Numbers so large that the quick look is not enough are still numbers.
    path = write(tmp_path / "a.safetensors", {"w": ("F32", pack("F32", [3.4e38, -3.4e38] * 10))})
    assert tensors_finite(str(path)).finite is True


def test_an_adapter_comes_before_a_model_and_shards_must_all_be_there(tmp_path: Path) -> None:
    good, bad = ("F32", pack("F32", [1.0])), ("F32", pack("F32", [math.inf]))
    write(tmp_path / "model-00001-of-00002.safetensors", {"a": good})
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    finite, reason = tensors_finite(str(tmp_path))
    assert finite is None
    assert "model-00002-of-00002" in str(reason)
    write(tmp_path / "model-00002-of-00002.safetensors", {"b": good})
    assert tensors_finite(str(tmp_path)) == (True, None)
    write(tmp_path / "model-00002-of-00002.safetensors", {"b": bad})
    write(tmp_path / "adapter_model.safetensors", {"a": bad})
    assert "adapter_model" in str(tensors_finite(str(tmp_path)).reason)
    # A damaged file leaves open what it holds, and takes nothing back.
    (tmp_path / "adapter_model.safetensors").write_bytes(b"no header")
    assert tensors_finite(str(tmp_path)).finite is False
    write(tmp_path / "model-00002-of-00002.safetensors", {"b": good})
    assert tensors_finite(str(tmp_path)).finite is None


def test_weights_of_another_step_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5").mkdir()
    write(tmp_path / "checkpoint-5" / "model.safetensors", {"a": ("F32", pack("F32", [math.nan]))})
    assert tensors_finite(str(tmp_path)).finite is None
    write(tmp_path / "model.safetensors", {"a": ("F32", pack("F32", [0.0]))})
    assert tensors_finite(str(tmp_path)).finite is True


@pytest.mark.parametrize(
    "header",
    [
        {"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}},
        {"w": {"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]}},
        {"w": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0]}},
        {"w": {"dtype": "F3", "shape": [2], "data_offsets": [0, 8]}},
        {"w": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}},
        {"w": {"shape": [2]}},
        {"w": None},
    ],
)
def test_a_header_that_does_not_fit_leaves_it_unknown(tmp_path: Path, header: dict[str, Any]) -> None:
    path = write(tmp_path / "a.safetensors", {"w": ("F32", pack("F32", [1.0, 2.0]))}, **header)
    finite, reason = tensors_finite(str(path))
    assert finite is None
    assert "a.safetensors" in str(reason)


@given(st.integers(0, 1000), st.integers(0, 255))
def test_no_damage_is_an_error_and_a_part_of_a_file_is_never_finite(tmp_path: Path, at: int, byte: int) -> None:
    path = write(tmp_path / "a.safetensors", {"w": ("F32", pack("F32", [1.0, 2.0]))})
    data = bytearray(path.read_bytes())
    at %= len(data)
    path.write_bytes(data[:at])
    assert tensors_finite(str(path)).finite is None
    data[at] = byte
    path.write_bytes(data)
    finite, reason = tensors_finite(str(path))
    assert (finite is True) == (reason is None)


def test_of_some_files_only_those_are_read_and_the_shards_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "a.safetensors", {"a": ("F32", pack("F32", [1.0]))})
    write(tmp_path / "sub" / "b.safetensors", {"b": ("F32", pack("F32", [math.nan]))})
    (tmp_path / "sub" / "x.safetensors.index.json").write_text('{"weight_map": {"b": "b.safetensors"}}')
    assert tensors_finite(str(tmp_path), files=["sub/a.safetensors", "README.md"]) == (True, None)
    assert tensors_finite(str(tmp_path), files=["sub/a.safetensors", "sub/x.safetensors.index.json"]).finite is False
    assert "no .safetensors file" in str(tensors_finite(str(tmp_path), files=["README.md"]).reason)


def test_what_is_no_such_file_and_too_little_time_leave_it_unknown(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    for path in (tmp_path, tmp_path / "pytorch_model.bin", tmp_path / "gone.safetensors", tmp_path / "gone"):
        finite, reason = tensors_finite(str(path))
        assert finite is None
        assert reason
    path = write(tmp_path / "a.safetensors", {"w": ("F32", pack("F32", [1.0]))})
    assert tensors_finite(str(path), limit_s=-1).finite is None
    (tmp_path / "x.safetensors.index.json").write_text('{"weight_map": {"a": "../../etc/passwd"}}')
    assert "outside" in str(tensors_finite(str(tmp_path)).reason)
