"""The process that hashes and the training that it serves: who may die when."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from spools import spooled
from test_hashing import MIB, digest, hashing, is_running, started  # noqa: F401
from test_process import PACKAGE, PREAMBLE, finish, python
from waiting import wait_for

from runseal.files.hashing import Hashing

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
