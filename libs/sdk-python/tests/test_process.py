"""What a process does to the recording: it starts, forks, exits, is killed; and what the recording costs the process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Optional

import pytest
from scripted_door import ScriptedDoor, silence
from spools import KEY, config, spooled
from waiting import wait_for

import runseal
from runseal.delivery.send_spool import send_spool

PACKAGE = str(Path(runseal.__file__).parents[1])
PREAMBLE = "import os, sys, threading, time, runseal\nrun = runseal.start_run('x')\n"


def python(script: str, url: Optional[str], spool_dir: str, **environment: str) -> subprocess.Popen[str]:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": spool_dir,
        "RUNSEAL_API_KEY": KEY,
        "RUNSEAL_SPOOL_DIR": spool_dir,
        "RUNSEAL_DRAIN_S": "10",
        **({} if url is None else {"RUNSEAL_URL": url}),
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert "Fatal" not in err
    return out, err


def rows_of(events: list[dict[str, Any]]) -> list[Any]:
    found = [row for event in events if event["type"] == "run.metrics-logged" for row in event["payload"]["rows"]]
    return [row["step"] for row in found]


def test_importing_it_is_cheap(spool_dir: str) -> None:
    script = "import time; began = time.process_time(); import runseal; print(time.process_time() - began)"
    # The best of several: a machine that has other things to do must not decide.
    assert min(float(finish(python(script, None, spool_dir))[0]) for _ in range(5)) < 0.08


def test_importing_it_brings_no_network_and_no_tls(spool_dir: str) -> None:
    script = "import sys, runseal; print([name for name in ('ssl', 'http.client', 'hashlib', 'asyncio') if name in sys.modules])"
    assert finish(python(script, None, spool_dir))[0].strip() == "[]"


@pytest.mark.parametrize(
    "ending",
    ["", "sys.exit(0)", "raise SystemExit", "import atexit; atexit.register(run.log_metrics, {'late': 1.0}, 4)"],
)
def test_a_process_that_exits_without_finish_still_spools_its_last_rows(ending: str, spool_dir: str) -> None:
    script = PREAMBLE + f"for step in range(3): run.log_metrics({{'loss': 1.0}}, step)\n{ending}"
    began = time.monotonic()
    finish(python(script, "http://127.0.0.1:9", spool_dir))
    assert time.monotonic() - began < 15
    events = spooled(spool_dir)
    assert [event["type"] for event in events][:2] == ["run.started", "run.attempt-started"]
    assert rows_of(events) == ([0, 1, 2, 4] if "atexit" in ending else [0, 1, 2])


def test_a_process_that_dies_of_an_exception_ends_its_run_as_failed(door: ScriptedDoor, spool_dir: str) -> None:
    script = """
        import runseal
        with runseal.start_run("x") as run:
            run.log_metrics({"loss": 1.0}, 1)
            raise ValueError("diverged")
    """
    _, err = python(script, door.url, spool_dir).communicate(timeout=60)
    assert "ValueError: diverged" in err
    assert door.types == ["run.started", "run.attempt-started", "run.metrics-logged", "run.failed"]
    assert door.sealed[-1]["payload"]["error"] == {"type": "ValueError", "message": "diverged"}


def test_a_server_that_hangs_keeps_no_process_alive(door: ScriptedDoor, spool_dir: str) -> None:
    door.always = silence
    process = python(PREAMBLE + "run.log_metrics({'loss': 1.0}, 1); input()", door.url, spool_dir)
    wait_for("the request", lambda: door.requests)
    assert process.stdin is not None
    process.stdin.write("\n")
    finish(process)


def test_a_forked_child_leaves_the_recording_to_its_parent(door: ScriptedDoor, spool_dir: str) -> None:
    script = PREAMBLE + textwrap.dedent("""
        run.log_metrics({"loss": 1.0}, 1)
        children = []
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                run.log_metrics({"loss": 2.0}, 2)
                run.log_parameters({"child": 1})
                run.finish()
                sys.exit(0)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 5
        run.log_metrics({"loss": 3.0}, 3)
        run.finish()
    """)
    _, err = finish(python(script, door.url, spool_dir))
    assert rows_of(door.sealed) == [1, 3]
    assert door.types.count("run.finished") == 1
    assert "run.parameters-recorded" not in door.types
    assert door.duplicates == 0
    assert err.count("a forked child records nothing") == 5


def test_a_fork_in_the_middle_of_work_on_other_threads_does_not_hang(door: ScriptedDoor, spool_dir: str) -> None:
    script = PREAMBLE + textwrap.dedent("""
        def train():
            for step in range(20_000): run.log_metrics({"loss": 1.0}, step)
        thread = threading.Thread(target=train)
        thread.start()
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                run.log_metrics({"loss": 2.0}, -1)
                other = runseal.start_run("child", say=lambda line: None)
                other.log_metrics({"loss": 1.0}, 1)
                other.finish()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        thread.join()
        run.finish()
    """)
    finish(python(script, door.url, spool_dir))
    by_stream: dict[str, list[Any]] = {}
    for event in door.of_type("run.metrics-logged"):
        by_stream.setdefault(event["stream"], []).extend(row["step"] for row in event["payload"]["rows"])
    counts = sorted(map(len, by_stream.values()))
    assert counts[:-1] == [1] * 30
    refused = [one for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert counts[-1] + sum(one["count"] for one in refused) == 20_000


def test_data_loaders_in_other_processes_disturb_nothing(door: ScriptedDoor, spool_dir: str) -> None:
    script = PREAMBLE + textwrap.dedent("""
        import multiprocessing
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(abs, range(-10, 0)) == list(range(10, 0, -1))
            run.log_metrics({"loss": 1.0}, 1)
        run.finish()
    """)
    finish(python(script, door.url, spool_dir))
    assert rows_of(door.sealed) == [1, 1]


def test_a_signal_handler_may_log_and_end_the_run(door: ScriptedDoor, spool_dir: str) -> None:
    script = PREAMBLE + textwrap.dedent("""
        import signal
        def stop(*_):
            run.log_metrics({"loss": 9.0}, 9)
            run.fail("told to stop", signal="SIGTERM")
            print("ended", flush=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        print("ready", flush=True)
        step = 10
        while True:
            run.log_metrics({"loss": 1.0}, step)
            step += 1
            if step % 100 == 0: run.log_parameters({"step": step})
    """)
    process = python(script, door.url, spool_dir)
    assert process.stdout is not None
    process.stdout.readline()
    wait_for("rows and parameters", lambda: len(door.types) > 4)
    process.send_signal(signal.SIGTERM)
    out, _ = finish(process)
    assert "ended" in out
    assert door.types[-1] == "run.failed"
    assert door.sealed[-1]["payload"]["signal"] == "SIGTERM"
    assert door.sealed[-1]["payload"]["producers"][0]["count"] == len(door.sealed)


KILLED = (
    PREAMBLE
    + """
for count in range(10**9):
    ids = [run.record("run.parameters-recorded",
        {"attempt": run.attempt, "parameters": {"count": count, "text": "x" * (count % 2000)}, "asserted": []})]
    run.log_metrics({"loss": 1.0}, count)
    os.write(1, (ids[0] + "\\n").encode())
"""
)


@pytest.mark.parametrize("lines", [1, 40, 700, 2500])
def test_a_sigkill_loses_nothing_that_was_accepted(lines: int, door: ScriptedDoor, spool_dir: str) -> None:
    process = python(KILLED, door.url, spool_dir)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    told += process.stdout.read().splitlines(keepends=True)
    process.communicate()
    accepted = [line.strip() for line in told if line.endswith("\n")]
    results = send_spool(config(spool_dir, door.url))
    assert [(one.outcome, one.pending, one.set_aside) for one in results] == [("delivered", 0, 0)]
    assert len(accepted) >= lines
    assert set(accepted) <= set(door.ids)
    assert len(set(door.ids)) == len(door.ids)
    assert [event["producer"]["seq"] for event in door.sealed] == list(range(len(door.sealed)))
    steps = rows_of(door.sealed)
    assert steps == list(range(len(steps)))
    # Rows go before the event that is logged after them.
    assert len(steps) >= len(accepted) - 1


def test_a_living_process_is_recognised_and_its_folder_left_alone(door: ScriptedDoor, spool_dir: str) -> None:
    process = python(KILLED, "http://127.0.0.1:9", spool_dir)
    assert process.stdout is not None
    process.stdout.readline()
    assert [one.outcome for one in send_spool(config(spool_dir, "http://127.0.0.1:9"))] == ["live"]
    process.kill()
    process.communicate()
    assert [(one.outcome, one.detail) for one in send_spool(config(spool_dir, door.url))] == [
        ("other_url", "http://127.0.0.1:9")
    ]
    assert door.requests == []


def _every_python() -> list[Any]:
    found = []
    for minor in range(9, 14):
        name = f"python3.{minor}"
        candidates = [shutil.which(name), *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}")]
        works = next((str(one) for one in candidates if one and _is_python(str(one))), None)
        missing = pytest.mark.skip(reason=f"there is no {name} here")
        found.append(pytest.param(works, id=name, marks=() if works else missing))
    return found


def _is_python(path: str) -> bool:
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("interpreter", _every_python())
def test_every_python_from_3_9_to_3_13_records_a_run(interpreter: str, door: ScriptedDoor, spool_dir: str) -> None:
    script = f"""
import sys
sys.path.insert(0, {PACKAGE!r})
import runseal, runseal.cli
with runseal.start_run("x", url={door.url!r}, api_key="k", spool_dir={spool_dir!r}, drain_s=20) as run:
    run.log_parameters({{"python": sys.version, "lr": 1e-4}})
    run.log_input("dataset", role="train", path={__file__!r}, hash=True)
    run.log_metrics({{"loss": float("nan")}}, 1)
assert run.finish().complete
assert runseal.cli.main(["spool", "send", {spool_dir!r}, "--url", {door.url!r}, "--key", "k"]) == 0
"""
    # Without its site-packages: nothing but the standard library is there.
    done = subprocess.run(
        [interpreter, "-I", "-S", "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert door.types[0] == "run.started"
    assert door.types[-1] == "run.finished"
    assert json.dumps(door.rows[0]["values"]) == '{"loss": "NaN"}'
