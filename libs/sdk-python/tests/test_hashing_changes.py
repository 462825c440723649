"""What changes or goes while it is hashed, and what is hashed again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest
from scripted_door import Json, ScriptedDoor
from test_hashing import MIB, data, digest, run  # noqa: F401
from test_tensors import pack, write

import runseal
from runseal.files.hash_path import Changed, hash_path
from runseal.files.hash_worker import answer


def changing(times: int, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]) -> list[int]:
    """Has the first attempts fail, and counts all of them."""
    calls: list[int] = []

    def act(*given: Any) -> Any:
        calls.append(1)
        if len(calls) <= times:
            raise error()
        return hash_path(*given)

    monkeypatch.setattr("runseal.files.hash_worker.hash_path", act)
    return calls


def request(path: Path, **more: Any) -> Json:
    return {
        "kind": "content",
        "path": str(path),
        "files": None,
        "fresh": False,
        "tensors": False,
        "cache": None,
        **more,
    }


@pytest.mark.parametrize("error", [lambda: Changed("it changed"), lambda: FileNotFoundError(2, "", "checkpoint-5")])
def test_what_changes_while_it_is_hashed_is_hashed_once_more_and_then_given_up(
    data: Path, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]
) -> None:
    with monkeypatch.context() as once:
        calls = changing(1, once, error)
        assert answer(request(data))["content"].digest == digest(data.read_bytes())
        assert len(calls) == 2
    calls = changing(9, monkeypatch, error)
    reply = answer(request(data))
    assert (reply["content"], len(calls)) == (None, 2)
    assert reply["notes"] in (["it changed"], ["checkpoint-5 is gone"])


def test_what_changes_between_its_digest_and_the_look_at_its_tensors_has_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "model.safetensors", {"w": ("F32", pack("F32", [1.0]))})

    def act(*given: Any) -> Any:
        content = hash_path(*given)
        with open(path, "ab") as file:
            file.write(b"more")
        return content

    monkeypatch.setattr("runseal.files.hash_worker.hash_path", act)
    reply = answer(request(path, tensors=True, limit_s=60))
    assert (reply["content"], reply["tensors_finite"]) == (None, None)
    assert "changed while it was read" in reply["notes"][-1]


def test_a_checkpoint_that_is_rotated_away_is_recorded_without_a_digest(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path, said: list[str]
) -> None:
    run.save_checkpoint(5, path=tmp_path / "checkpoint-5", hash=True)
    run.finish()
    (saved,) = door.of_type("run.checkpoint-saved")
    assert saved["payload"]["digest"] is None
    assert said == [f"{tmp_path}/checkpoint-5 is recorded without a digest: {tmp_path}/checkpoint-5 is gone"]


def test_a_dataset_that_changed_after_it_was_hashed_has_no_profile(data: Path) -> None:
    hashed = answer(request(data))
    wanted = {**request(data), "kind": "profile", "tokenizer": None, "limit_s": 60, "import_from": []}
    assert answer({**wanted, "stamp": hashed["stamp"]})["profile"]["rows"] == 100
    data.write_text("[]")
    reply = answer({**wanted, "stamp": hashed["stamp"]})
    assert reply["profile"] is None
    assert "changed since it was hashed" in reply["notes"][0]


def test_what_is_released_is_hashed_again_whatever_is_known_of_it(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path, spool_dir: str
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"x" * MIB)
    of = os.stat(path)
    known = f"sha256:{'0' * 64}"
    entry = [of.st_size, of.st_mtime_ns, of.st_ino, of.st_ctime_ns, known]
    cache = Path(spool_dir) / "hash-cache.json"
    cache.write_text(json.dumps({"format": 1, "entries": {str(path): entry}}))
    run.log_input("base_model", path=path, hash=True)
    run.log_output("weights", path=path, hash=True)
    run.log_output("other", path=path, hash=True, fresh=False)
    run.finish()
    assert door.of_type("run.input-recorded")[0]["payload"]["digest"] == known
    digests = [event["payload"]["digest"] for event in door.of_type("run.output-recorded")]
    assert digests == [digest(b"x" * MIB), known]
