"""What is hashed, profiled and looked at in the background comes from another process, whatever happens to that process."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
from scripted_door import ScriptedDoor
from spools import KEY
from test_tensors import pack, write
from waiting import wait_for

import runseal
from runseal.files.hash_path import hash_folder
from runseal.files.hashing import Finding, Hashing
from runseal.say import Teller

MIB = 1024 * 1024


ROWS = [{"instruction": f"question {index % 90}", "output": "answer"} for index in range(100)]


@pytest.fixture
def run(door: ScriptedDoor, spool_dir: str, said: list[str]) -> Iterator[runseal.Run]:
    run = runseal.start_run("x", url=door.url, api_key=KEY, spool_dir=spool_dir, drain_s=20, say=said.append)
    yield run
    run.finish()


@pytest.fixture
def hashing(said: list[str]) -> Iterator[Hashing]:
    hashing = Hashing(Teller(said.append))
    yield hashing
    hashing.finish(0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(ROWS))
    return path


def pid_of(hashing: Hashing, lane: str = "content") -> int:
    process = hashing._lanes[lane]._process
    assert process is not None
    return process.pid


def look(hashing: Hashing, path: Path, **options: Any) -> list[Finding]:
    found: list[Finding] = []
    hashing.add(str(path), found.append, **options)
    return found


def started(hashing: Hashing, tmp_path: Path) -> int:
    """The process, when it has done something."""
    (tmp_path / "first").write_text("x")
    found = look(hashing, tmp_path / "first")
    assert hashing.wait(20)
    assert found[0].content is not None
    return pid_of(hashing)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_dataset_is_recorded_with_its_digest_then_completed_and_assessed(
    run: runseal.Run, door: ScriptedDoor, data: Path, said: list[str]
) -> None:
    run.log_input("dataset", role="train", name="tickets", path=data, profile=True)
    assert run.wait_for_hashes(20)
    run.finish()
    assert door.types[2:-1] == ["run.input-recorded", "artifact.registered", "run.input-recorded", "artifact.assessed"]
    first, whole = (event["payload"] for event in door.of_type("run.input-recorded"))
    assert first == {**whole, "samples": None, "schema": None}
    assert (whole["samples"], whole["schema"], whole["name"]) == (100, "alpaca", "tickets")
    assert whole["digest"] == digest(data.read_bytes())
    (assessed,) = door.of_type("artifact.assessed")
    assert assessed["stream"] == f"artifact/{whole['digest']}"
    assert assessed["payload"]["run"] == run.id
    assert assessed["payload"]["assessor"] == {"name": "runseal-py", "version": runseal.__version__}
    profile = assessed["payload"]["profile"]
    assert (profile["rows"], profile["duplicate_rows"], len(profile["row_sketch"]["hashes"])) == (100, 10, 90)
    assert said == []


def test_what_the_caller_knows_of_a_dataset_is_not_replaced(run: runseal.Run, door: ScriptedDoor, data: Path) -> None:
    run.log_input("dataset", role="train", path=data, samples=3, schema="own", profile=True)
    run.finish()
    assert [event["payload"]["samples"] for event in door.of_type("run.input-recorded")] == [3]
    assert len(door.of_type("artifact.assessed")) == 1


def test_several_files_are_one_dataset_below_the_folder_that_holds_them(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path
) -> None:
    for folder, names in (
        ("data/a", ["1.json"]),
        ("data/b", ["2.json", "unused.json"]),
        ("same/a", ["1.json"]),
        ("same/b", ["2.json"]),
    ):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).write_text(json.dumps(ROWS))
    paths = [str(tmp_path / "data" / "b" / "2.json"), str(tmp_path / "data" / "a" / "1.json")]
    run.log_input("dataset", role="train", path=paths, hash=True, profile=True)
    run.finish()
    whole = door.of_type("run.input-recorded")[-1]["payload"]
    assert (whole["path"], whole["samples"]) == (str(tmp_path / "data"), 200)
    assert whole["digest"] == hash_folder(str(tmp_path / "same")).digest
    files = door.of_type("artifact.registered")[0]["payload"]["files"]
    assert sorted(file["path"] for file in files) == ["a/1.json", "b/2.json"]


@pytest.mark.parametrize(("number", "finite"), [(1.0, True), (math.nan, False)])
def test_an_output_tells_whether_its_tensors_are_finite(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path, number: float, finite: bool, said: list[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write(out / "adapter_model.safetensors", {"lora": ("F32", pack("F32", [number]))})
    run.log_output("weights", type="lora", path=out, check_tensors=True)
    run.finish()
    (output,) = door.of_type("run.output-recorded")
    assert output["payload"]["tensors_finite"] is finite
    assert output["payload"]["digest"] == hash_folder(str(out)).digest
    assert ("not finite" in "".join(said)) is not finite


def test_of_some_files_of_a_folder_only_their_tensors_count(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path
) -> None:
    good, bad = (("F32", pack("F32", [number])) for number in (1.0, math.nan))
    paths = [str(write(tmp_path / f"model-{index}.safetensors", {"w": good})) for index in range(2)]
    write(tmp_path / "of another training.safetensors", {"w": bad})
    run.log_output("weights", path=paths, hash=True, check_tensors=True)
    run.finish()
    (output,) = door.of_type("run.output-recorded")
    assert output["payload"]["tensors_finite"] is True
    assert sorted(file["path"] for file in output["payload"]["files"]) == ["model-0.safetensors", "model-1.safetensors"]


def test_an_output_without_tensors_is_hashed_and_says_why_it_is_not_known(
    run: runseal.Run, door: ScriptedDoor, tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pytorch_model.bin").write_text("x")
    run.log_output("weights", path=tmp_path / "out", hash=True, check_tensors=True)
    run.finish()
    (output,) = door.of_type("run.output-recorded")
    assert output["payload"]["tensors_finite"] is None
    assert output["payload"]["digest"] is not None
    assert len(said) == 1
    assert "no .safetensors file" in said[0]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_is_another_process_of_the_lowest_priority_and_holds_nothing_of_the_training(
    hashing: Hashing, tmp_path: Path
) -> None:
    with open(tmp_path / "of the training", "w") as mine:
        os.set_inheritable(mine.fileno(), True)
        pid = started(hashing, tmp_path)
        assert pid != os.getpid()
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        assert os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "500"
        held = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
        assert mine.name not in held
    hashing.finish(5)
    assert not is_running(pid)


def test_adding_a_path_costs_the_training_next_to_nothing(hashing: Hashing, tmp_path: Path) -> None:
    started(hashing, tmp_path)
    (tmp_path / "big").write_bytes(bytes(64 * MIB))
    os.kill(pid_of(hashing), signal.SIGSTOP)
    costs = []
    for _ in range(20):
        began = time.perf_counter()
        look(hashing, tmp_path / "big")
        costs.append(time.perf_counter() - began)
    os.kill(pid_of(hashing), signal.SIGCONT)
    assert min(costs) < 0.002
    assert hashing.wait(60)


def test_a_process_that_is_killed_costs_no_digest(hashing: Hashing, tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "big").write_bytes(b"x" * MIB)
    for _ in range(5):
        found = look(hashing, tmp_path / "big")
        wait_for("the process", lambda found=found: found or hashing._lanes["content"]._process)  # type: ignore[misc]
        if hashing._lanes["content"]._process is not None:
            os.kill(pid_of(hashing), signal.SIGKILL)
        assert hashing.wait(20)
        assert [one.content and one.content.digest for one in found] == [digest(b"x" * MIB)]
    # By then the thread does it alone.
    assert hashing._lanes["content"]._process is None
    assert said == []


def test_a_profile_that_its_process_does_not_survive_is_missing_and_said_once(
    hashing: Hashing, data: Path, said: list[str]
) -> None:
    found: list[Finding] = []
    hashing.add_profile(str(data), found.append)
    wait_for("the process", lambda: hashing._lanes["profile"]._process)
    os.kill(pid_of(hashing, "profile"), signal.SIGKILL)
    assert hashing.wait(20)
    assert found == [Finding()]
    assert said == [f"{data} is recorded without a profile: signal 9 ended the process for it"]


@pytest.mark.parametrize("python_is", [None, "/nowhere/python", "/bin/false"])
def test_where_no_process_starts_the_thread_hashes(
    hashing: Hashing, data: Path, python_is: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", python_is)
    found = look(hashing, data)
    assert hashing.wait(20)
    assert found[0].content is not None
    assert found[0].content.digest == digest(data.read_bytes())


def test_a_checkpoint_does_not_wait_behind_a_profile(hashing: Hashing, data: Path) -> None:
    profiled: list[Finding] = []
    hashing.add_profile(str(data), profiled.append)
    wait_for("the process", lambda: hashing._lanes["profile"]._process)
    os.kill(pid_of(hashing, "profile"), signal.SIGSTOP)
    found = look(hashing, data)
    wait_for("the digest", lambda: found)
    assert profiled == []
    os.kill(pid_of(hashing, "profile"), signal.SIGCONT)
    assert hashing.wait(20)
    assert profiled[0].profile is not None


def test_the_end_waits_no_longer_than_it_may_and_records_what_it_has(
    hashing: Hashing, tmp_path: Path, said: list[str]
) -> None:
    pid = started(hashing, tmp_path)
    os.kill(pid, signal.SIGSTOP)
    found, other = look(hashing, tmp_path / "first"), look(hashing, tmp_path / "gone")
    began = time.monotonic()
    hashing.finish(0.5)
    assert 0.5 <= time.monotonic() - began < 3
    assert found == other == [Finding()]
    assert "without a digest: there was no time left" in said[0]
    assert not is_running(pid)
    # Afterwards nothing is begun any more.
    assert look(hashing, tmp_path / "first") == [Finding()]
