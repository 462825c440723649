"""Digests are of one moment's content, are found again only where nothing has changed, and cost memory for nobody."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from runseal import hash_file, hash_folder, hash_path
from runseal.files.hash_cache import HashCache
from runseal.files.hash_path import Changed, FileDigest, hash_files, manifest_bytes

MIB = 1024 * 1024


def settled(path: Path, data: bytes) -> Path:
    """A file that has not changed for a while."""
    path.write_bytes(data)
    os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    return path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change of a file's other facts cannot be set back, so the clock goes forward."""
    now = time.time() + 60
    monkeypatch.setattr("time.time", lambda: now)


class Spy:
    """Knows nothing, does something when it is told a digest."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def find(self, path: str, of: os.stat_result) -> None:
        return None

    def keep(self, path: str, of: os.stat_result, digest: str) -> None:
        self.act(path)


def test_two_threads_give_what_one_gives(tmp_path: Path) -> None:
    sizes = [5 * MIB, 4 * MIB + 1, 3, 0, MIB, MIB - 1]
    for index, size in enumerate(sizes):
        (tmp_path / str(index)).write_bytes(os.urandom(16) * (size // 16) + b"x" * (size % 16))
    content = hash_folder(str(tmp_path))
    files = []
    for index, size in enumerate(sizes):
        data = (tmp_path / str(index)).read_bytes()
        files.append(FileDigest(str(index), f"sha256:{hashlib.sha256(data).hexdigest()}", size))
    assert sorted(content.files or []) == files
    assert content.digest == f"sha256:{hashlib.sha256(manifest_bytes(files)).hexdigest()}"
    assert content.size_bytes == sum(sizes)


def test_a_fault_on_either_thread_is_the_callers(tmp_path: Path) -> None:
    for index in range(20):
        (tmp_path / str(index)).write_bytes(b"x" * MIB)

    def fail(path: str) -> None:
        raise PermissionError(path)

    with pytest.raises(PermissionError):
        hash_folder(str(tmp_path), Spy(fail))


def test_some_files_of_a_folder_have_the_digest_of_a_folder_with_these_only(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        for folder in ("all", "some"):
            (tmp_path / folder / "sub").mkdir(parents=True, exist_ok=True)
            if folder == "all" or name != "c":
                (tmp_path / folder / "sub" / name).write_text(name)
    content = hash_files(str(tmp_path / "all"), ["sub/b", "sub/a"])
    assert content.digest == hash_folder(str(tmp_path / "some")).digest
    with pytest.raises(ValueError, match="no regular file"):
        hash_files(str(tmp_path / "all"), ["sub"])
    with pytest.raises(ValueError, match="plain parts"):
        hash_files(str(tmp_path / "some"), ["../all/sub/c"])


@pytest.mark.parametrize("change", ["append", "same size", "replace"])
def test_a_file_that_changes_meanwhile_has_no_digest(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled(tmp_path / "a", b"x" * 10)
    real = hashlib.sha256

    class Hash:
        def __init__(self, data: bytes = b"") -> None:
            self.inner = real(data)

        def update(self, data: bytes) -> None:
            self.inner.update(data)
            if change == "append":
                path.write_bytes(b"x" * 11)
            elif change == "same size":
                path.write_bytes(b"y" * 10)
            else:
                os.replace(settled(tmp_path / "b", b"y" * 10), path)

        def hexdigest(self) -> str:
            return self.inner.hexdigest()

    monkeypatch.setattr(hashlib, "sha256", Hash)
    with pytest.raises(Changed, match="changed while"):
        hash_file(str(path))


def test_files_that_come_meanwhile_are_no_part_of_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(Changed, match="came or went"):
        hash_folder(str(tmp_path), Spy(lambda path: (tmp_path / "b").write_text("b")))


@pytest.mark.usefixtures("later")
def test_what_is_unchanged_is_not_read_again_and_what_is_changed_is(tmp_path: Path) -> None:
    path = settled(tmp_path / "big", b"x" * MIB)
    cache = HashCache(str(tmp_path / "spool" / "cache.json"))
    first = hash_path(str(path), cache)
    cache.save()
    assert os.stat(tmp_path / "spool" / "cache.json").st_mode & 0o777 == 0o600
    # To be seen to be used, what is known is made another.
    text = (tmp_path / "spool" / "cache.json").read_text()
    other = "sha256:" + "0" * 64
    (tmp_path / "spool" / "cache.json").write_text(text.replace(first.digest, other))
    assert hash_path(str(path), HashCache(str(tmp_path / "spool" / "cache.json"))).digest == other
    # The same size and the same time of change: the other times tell.
    settled(path, b"y" * MIB)
    again = hash_path(str(path), HashCache(str(tmp_path / "spool" / "cache.json")))
    assert again.digest == f"sha256:{hashlib.sha256(b'y' * MIB).hexdigest()}"


def test_what_has_just_changed_or_is_small_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"x" * MIB)
    settled(tmp_path / "small", b"x" * (MIB - 1))
    cache = HashCache(str(tmp_path / "cache.json"))
    hash_folder(str(tmp_path), cache)
    cache.save()
    assert not (tmp_path / "cache.json").exists()


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2, "entries": {}}',
        '{"format": 1, "entries": []}',
        '{"format": 1, "entries": {"%s": [1, 2, 3, 4, "sha256:0"], "b": 1, "c": null}}',
        '{"format": 1, "entries": {"%s": ["%s"]}}',
        "[" * 100_000,
        "\x00" * 20_000_000,
    ],
)
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, text: str) -> None:
    path = settled(tmp_path / "big", b"x" * MIB)
    place = tmp_path / "cache.json"
    place.write_text(text.replace("%s", str(path)))
    cache = HashCache(str(place))
    assert hash_path(str(path), cache).digest == f"sha256:{hashlib.sha256(b'x' * MIB).hexdigest()}"
    cache.save()
    assert list(json.loads(place.read_text())["entries"]) == [str(path)]


@pytest.mark.usefixtures("later")
def test_the_cache_is_bounded_and_keeps_what_others_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runseal.files.hash_cache._ENTRIES_MAX", 3)
    place = str(tmp_path / "cache.json")
    one, other = HashCache(place), HashCache(place)
    for cache, names in ((one, "ab"), (other, "cd")):
        for name in names:
            hash_path(str(settled(tmp_path / name, b"x" * MIB)), cache)
        cache.save()
    assert [Path(path).name for path in json.loads(Path(place).read_text())["entries"]] == ["b", "c", "d"]


@pytest.mark.usefixtures("later")
def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = HashCache(str(tmp_path / "file" / "cache.json"))
    hash_path(str(settled(tmp_path / "big", b"x" * MIB)), cache)
    cache.save()
