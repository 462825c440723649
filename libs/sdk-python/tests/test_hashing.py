"""What is hashed, profiled and looked at in the background comes from another process, whatever happens to that process."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from scripted_door import Json, ScriptedDoor
from spools import KEY, spooled
from test_process import PACKAGE, PREAMBLE, finish, python
from test_tensors import pack, write
from waiting import wait_for

import runseal
from runseal.files.hash_path import Changed, hash_folder, hash_path
from runseal.files.hash_worker import answer
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


HASHED = (
    PREAMBLE
    + """
path = os.path.abspath("big")
run.log_input("dataset", role="train", path=path, hash=True)
while run._hashing._lanes["content"]._process is None: time.sleep(0.01)
pid = run._hashing._lanes["content"]._process.pid
os.kill(pid, signal.SIGSTOP)
print(pid, flush=True)
"""
)


def in_folder(script: str, tmp_path: Path, spool_dir: str) -> subprocess.Popen[str]:
    (tmp_path / "big").write_bytes(b"x" * MIB)
    prepared = f"import os, signal\nos.chdir({str(tmp_path)!r})\n" + script
    return python(prepared, "http://127.0.0.1:9", spool_dir, PYTHONPATH=PACKAGE, RUNSEAL_DRAIN_S="3")


@pytest.mark.parametrize("ending", ["sys.exit(0)", "run.log_metrics({'loss': 1.0}, 1)"])
def test_a_process_that_exits_without_finish_records_what_it_could_not_hash(
    tmp_path: Path, spool_dir: str, ending: str
) -> None:
    began = time.monotonic()
    out, _ = finish(in_folder(HASHED + ending, tmp_path, spool_dir))
    assert time.monotonic() - began < 15
    inputs = [event["payload"] for event in spooled(spool_dir) if event["type"] == "run.input-recorded"]
    assert [(one["path"], one["digest"]) for one in inputs] == [(str(tmp_path / "big"), None)]
    wait_for("the end of the other process", lambda: not is_running(int(out)))


FORKS = "if os.fork() == 0: time.sleep(20); os._exit(0)"
KEEPS_PIPES = """
import subprocess
pipes = [pipe.fileno() for pipe in (process._process.stdin, process._process.stdout)]
null = subprocess.DEVNULL
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"], pass_fds=pipes, stdout=null, stderr=null)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("before", ["", FORKS, KEEPS_PIPES], ids=["alone", "forked child", "child with the pipes"])
def test_when_the_training_is_killed_the_process_goes_too(tmp_path: Path, spool_dir: str, before: str) -> None:
    script = f"""
run.log_output("other", path="big", hash=True)
assert run.wait_for_hashes(20)
process = run._hashing._lanes["content"]._process
{before}
print(process.pid, flush=True)
time.sleep(60)
"""
    process = in_folder(PREAMBLE + script, tmp_path, spool_dir)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert is_running(pid)
    process.kill()
    process.wait()
    wait_for("the end of the other process", lambda: not is_running(pid), 10)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def test_a_process_that_dies_idle_does_not_take_a_training_with_it_that_lets_sigpipe_kill(
    tmp_path: Path, spool_dir: str
) -> None:
    script = (
        PREAMBLE
        + """
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
for _ in range(2):
    run.log_output("other", path="big", hash=True)
    assert run.wait_for_hashes(20)
    process = run._hashing._lanes["content"]._process
    if process is not None:
        os.kill(process.pid, signal.SIGKILL)
        process._process.wait()
run.finish()
"""
    )
    finish(in_folder(script, tmp_path, spool_dir))
    outputs = [event["payload"]["digest"] for event in spooled(spool_dir) if event["type"] == "run.output-recorded"]
    assert outputs == [digest(b"x" * MIB)] * 2


def test_a_training_that_forks_meanwhile_hashes_on_and_its_children_do_not(tmp_path: Path, spool_dir: str) -> None:
    script = (
        PREAMBLE
        + """
for index in range(20):
    run.log_output("other", path="big", hash=True)
    child = os.fork()
    if child == 0:
        run.log_output("report", path="big", hash=True)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
assert run.wait_for_hashes(20)
run.finish()
"""
    )
    finish(in_folder(script, tmp_path, spool_dir))
    outputs = [event["payload"] for event in spooled(spool_dir) if event["type"] == "run.output-recorded"]
    assert [(one["role"], one["digest"]) for one in outputs] == [("other", digest(b"x" * MIB))] * 20


def test_an_idle_process_ends_and_the_next_path_starts_another(
    hashing: Hashing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runseal.files.hashing._IDLE_S", 0.05)
    first = started(hashing, tmp_path)
    wait_for("its end", lambda: not is_running(first))
    assert started(hashing, tmp_path) != first
