"""The formats that clients in every language share, held to the golden vectors."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import read_vectors

from runseal import hash_file, hash_folder
from runseal.canonical_json import canonical_json, number_text
from runseal.files.hash_path import FileDigest, manifest_bytes
from runseal.spool.outbox import Outbox
from runseal.spool.segment import decode_segment, encode_entry

CANONICAL = read_vectors("canonical-json")
SPOOL = read_vectors("spool")
MANIFEST = read_vectors("manifest")


@pytest.mark.parametrize("vector", CANONICAL["canonical"])
def test_canonical_json_is_the_one_of_the_vectors(vector: dict[str, str]) -> None:
    assert canonical_json(json.loads(vector["json"])) == vector["canonical"]


@pytest.mark.parametrize("text", CANONICAL["refused"])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical_json(json.loads(text))


def test_sealed_texts_are_canonical_to_us_too() -> None:
    records = [one["record"] for one in read_vectors("record")["records"]]
    texts = read_vectors("envelope")["valid"] + [one[name] for one in records for name in ("envelope", "payload")]
    for text in filter(None, texts):
        assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53 + 1, 10**400, object(), b"", {1: 2}, {"a": {1}}]
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_json([value])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number: float) -> None:
    text = number_text(number)
    assert float(text) == number
    assert not text.endswith(".0")


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to compare with")
def test_numbers_are_written_as_javascript_writes_them() -> None:
    powers = [10.0**exponent for exponent in range(-30, 31)]
    near = [
        step(power) for power in powers for step in (lambda x: x * 1.1, lambda x: math.nextafter(x, 0), lambda x: -x)
    ]
    odd = [5e-324, 1.7976931348623157e308, 0.1 + 0.2, 123456789012345680000.0, 1e21, 999999999999999900000.0, -0.0]
    numbers = powers + near + odd
    script = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(String)))"
    done = subprocess.run(["node", "-e", script, json.dumps(numbers)], capture_output=True, text=True, check=True)
    assert [number_text(number) for number in numbers] == json.loads(done.stdout)


@pytest.mark.parametrize("vector", SPOOL["entries"])
def test_an_entry_is_length_checksum_and_body(vector: dict[str, str]) -> None:
    body = vector["body"].encode()
    assert f"{zlib.crc32(body):08x}" == vector["crc32"]
    assert encode_entry(body).hex() == vector["entry"]


@pytest.mark.parametrize("vector", SPOOL["segments"])
def test_a_segment_ends_where_the_vectors_say(vector: dict[str, Any], tmp_path: Path) -> None:
    data = bytes.fromhex(vector["segment"])
    segment = decode_segment(data)
    assert [body.decode() for body in segment.bodies] == vector["bodies"]
    assert (segment.sound_length, segment.end) == (vector["sound_length"], vector["end"])


def test_an_empty_entry_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="empty"):
        encode_entry(b"")


def test_the_outbox_reads_a_segment_up_to_what_is_no_event(tmp_path: Path) -> None:
    event = b'{"id":"a","type":"run.started","stream":"run/b"}'
    (tmp_path / "0.seg").write_bytes(encode_entry(event) + encode_entry(b"[]") + encode_entry(event))
    assert [stored.text for stored in Outbox(str(tmp_path)).read(500, 10**6)] == [event]


@pytest.mark.parametrize("vector", MANIFEST["folders"])
def test_a_manifest_is_sorted_by_the_bytes_of_its_paths(vector: dict[str, Any]) -> None:
    files = [FileDigest(one["path"], f"sha256:{one['sha256']}", one["size"]) for one in vector["entries"]]
    data = manifest_bytes(files)
    assert data.decode() == vector["manifest"]
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == vector["digest"]


@pytest.mark.parametrize("path", MANIFEST["refused_paths"])
def test_a_manifest_refuses_paths_that_are_not_plain(path: str) -> None:
    with pytest.raises(ValueError, match="plain parts"):
        manifest_bytes([FileDigest(path, "sha256:" + "0" * 64, 1)])


def test_real_folders_have_the_digests_of_the_vectors(tmp_path: Path) -> None:
    texts = {"\U0001f600": "face", "\uff5e": "tilde", "e\u0301": "decomposed", '\u00e9 "': "composed"}
    real = [one for one in MANIFEST["folders"] if all(entry["path"] in texts for entry in one["entries"])]
    assert len(real) == 2
    for index, vector in enumerate(real):
        folder = tmp_path / str(index)
        folder.mkdir()
        for entry in vector["entries"]:
            (folder / entry["path"]).write_text(texts[entry["path"]], encoding="utf-8")
        assert hash_folder(str(folder)).digest == vector["digest"]


def test_a_folder_reads_links_inside_and_leaves_runseal_out(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_text("x")
    (folder / "empty").mkdir()
    before = hash_folder(str(folder))
    (folder / ".runseal").mkdir()
    (folder / ".runseal" / "spooled").write_text("y")
    assert hash_folder(str(folder)) == before
    (folder / "link").symlink_to("sub/file")
    content = hash_folder(str(folder))
    assert sorted(file.path for file in content.files or []) == ["link", "sub/file"]
    assert content.size_bytes == 2


@pytest.mark.parametrize("target", ["../outside", "nowhere", "."])
def test_a_folder_refuses_links_out_of_it_to_nowhere_and_to_itself(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("x")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "link").symlink_to(target)
    with pytest.raises((ValueError, OSError), match="link"):
        hash_folder(str(folder))


def test_a_file_is_hashed_as_sha256_says_and_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    content = hash_file(str(tmp_path / "a"))
    assert content == ("file", f"sha256:{hashlib.sha256(b'abc' * 1_000_000).hexdigest()}", 3_000_000, None)
    with pytest.raises(ValueError, match="no regular file"):
        hash_file(str(tmp_path))
