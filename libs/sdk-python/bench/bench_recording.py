"""Measures once what recording costs, and prints the figures as one JSON array; `npm run bench -- sdk-python` has it do so in
turn with the controls, and says what the figures mean.

    row down|slow|503    microseconds of a call of log_metrics: median, 99th percentile; ms of start and end
    row none             the same loop without us: median
    callback down|...    the same of what a trainer calls at a row and after a step; ms of the training's begin and end
    accept               points a second from the loop into the spool
    deliver URL KEY      points a second from a dead process's spool to a server; most memory held, in MB
    hash FOLDER          seconds until an output folder is recorded with its digest
    openssl FOLDER       seconds of `openssl sha256` over the same files, with the same priority
    fill FOLDER MB N     no figure: makes such a folder of N files
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Optional

import runseal
from runseal.config import Config
from runseal.delivery.send_spool import send_spool

TESTS = Path(__file__).resolve().parents[1] / "tests"
ROWS = 3000
#: Fewer than the queue takes, so that none is refused while nobody waits.
BURST = 5000
DELIVERED_ROWS = 25_000
VALUES = {"loss": 2.0891, "grad_norm": 0.4417, "learning_rate": 9.7e-05, "epoch": 0.31}
#: A step of a training loop, in seconds: the loop must have something to be slowed down in.
STEP_S = 0.0005
DOOR = """
import sys
from scripted_door import ScriptedDoor, answer, slow
door = ScriptedDoor()
door.always = {"503": answer(503), "slow": slow(0.1)}[sys.argv[1]]
print(door.url, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def scripted(kind: str) -> Iterator[str]:
    """The address of a server that answers 503, or after 100 ms, or is not there; in its own process, as a real one is."""
    if kind == "down":
        yield "http://127.0.0.1:9"
        return
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", DOOR, kind], cwd=TESTS, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process.stdout.readline().strip()
        process.stdin.close()


def loop(log: Callable[[int], object]) -> list[float]:
    """Microseconds that each call of `log` took, ascending, in a loop that works between the calls."""
    times = []
    for step in range(ROWS):
        until = time.perf_counter() + STEP_S
        while time.perf_counter() < until:
            pass
        began = time.perf_counter()
        log(step)
        times.append(1e6 * (time.perf_counter() - began))
    return sorted(times)


def start(url: Optional[str], spool_dir: str) -> runseal.Run:
    options: dict[str, Any] = {} if url is None else {"url": url}
    return runseal.start_run("bench", api_key="rsk_x_y", spool_dir=spool_dir, drain_s=0, say=lambda _: None, **options)


def row(kind: str) -> list[float]:
    if kind == "none":
        return [loop(lambda step: None)[ROWS // 2]]
    with scripted(kind) as url, tempfile.TemporaryDirectory() as spool_dir:
        began = time.perf_counter()
        run = start(url, spool_dir)
        started = time.perf_counter()
        times = loop(lambda step: run.log_metrics(VALUES, step))
        check_recorded(run)
        looped = time.perf_counter()
        run.finish()
        ended = time.perf_counter()
    return [times[ROWS // 2], times[ROWS * 99 // 100], 1e3 * (started - began), 1e3 * (ended - looped)]


def check_recorded(run: Optional[runseal.Run]) -> None:
    """A loop that records nothing is quick, too."""
    count = None if run is None or run._recorder is None else run._recorder.count()
    if count is None or count < ROWS / 100:
        raise SystemExit(f"the rows were not recorded: {count} events")


def callback(kind: str) -> list[float]:
    """The loop of a Hugging Face trainer: what its callback does at a row and after a step, at the begin and at the end of
    the training. With the callback itself where transformers is installed, else with what that calls."""
    with scripted(kind) as url, tempfile.TemporaryDirectory() as folder:
        args = SimpleNamespace(output_dir=f"{folder}/out", seed=1, logging_nan_inf_filter=True)
        state = SimpleNamespace(global_step=0, epoch=0.0, max_steps=ROWS, is_world_process_zero=True)
        control = SimpleNamespace(should_training_stop=False)
        options = {
            "url": url,
            "api_key": "rsk_x_y",
            "spool_dir": f"{folder}/spool",
            "drain_s": 0,
            "say": lambda _: None,
        }
        called = make_callback(options)
        began = time.perf_counter()
        called.on_train_begin(args, state, control)
        started = time.perf_counter()

        def step(number: int) -> None:
            state.global_step = number
            called.on_log(args, state, control, logs=VALUES)
            called.on_step_end(args, state, control)

        times = loop(step)
        looped = time.perf_counter()
        called.on_train_end(args, state, control)
        ended = time.perf_counter()
        check_recorded(called.run)
        called.finish()
    return [times[ROWS // 2], times[ROWS * 99 // 100], 1e3 * (started - began), 1e3 * (ended - looped)]


def make_callback(options: dict[str, Any]) -> Any:
    try:
        from runseal.transformers import RunsealCallback
    except ImportError:
        # With a stand-in for the class that it is made from; all that it does is its own.
        sys.modules["transformers"] = SimpleNamespace(TrainerCallback=object)  # type: ignore[assignment]
        from runseal.transformers import RunsealCallback
    return RunsealCallback(**options)


def spool(spool_dir: str, rows: int) -> float:
    """Fills a spool that nobody sends; seconds that it took."""
    run = start(None, spool_dir)
    began = time.perf_counter()
    for first in range(0, rows, BURST):
        for step in range(first, first + BURST):
            run.log_metrics(VALUES, step)
        run.flush(0)
    took = time.perf_counter() - began
    run.finish()
    return took


def accept() -> list[float]:
    with tempfile.TemporaryDirectory() as spool_dir:
        return [BURST * len(VALUES) / spool(spool_dir, BURST)]


def deliver(url: str, key: str) -> list[float]:
    with tempfile.TemporaryDirectory() as spool_dir:
        spool(spool_dir, DELIVERED_ROWS)
        for owner in Path(spool_dir).glob("*/owner.json"):
            owner.unlink()
        began = time.perf_counter()
        (result,) = send_spool(Config(url, key, spool_dir, 1e9, 60.0, None, print))
        took = time.perf_counter() - began
    # Rows travel by 50; start, attempt and end beside them.
    if result.pending or result.set_aside or result.delivered < DELIVERED_ROWS / 50 + 3:
        raise SystemExit(f"the delivery is not whole: {result}")
    return [DELIVERED_ROWS * len(VALUES) / took, most_memory() / 1e6]


def most_memory() -> int:
    """Bytes that this process held at most. Where the kernel tells no more, those of the process that started it count."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="utf-8") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def hash_folder(folder: str) -> list[float]:
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as spool_dir:
        run = runseal.start_run("bench", spool_dir=spool_dir, drain_s=60, say=lines.append)
        began = time.perf_counter()
        run.log_output("weights", path=folder, hash=True)
        is_done = run.wait_for_hashes(600)
        took = time.perf_counter() - began
        run.finish()
    if not is_done or any("without a digest" in line for line in lines):
        raise SystemExit(f"it was not hashed: {lines}")
    return [took]


def openssl(folder: str) -> list[float]:
    files = sorted(str(path) for path in Path(folder).iterdir())
    began = time.perf_counter()
    subprocess.run(["nice", "-n", "19", "openssl", "sha256", *files], check=True, stdout=subprocess.DEVNULL)
    return [time.perf_counter() - began]


def fill(folder: str, megabytes: str, count: str) -> list[float]:
    size = int(megabytes) * 1_000_000 // int(count)
    block = os.urandom(1_000_000)
    for number in range(int(count)):
        with open(os.path.join(folder, f"model-{number}.safetensors"), "wb") as file:
            for start_of in range(0, size, len(block)):
                file.write(block[: min(len(block), size - start_of)])
    return []


FIGURES: dict[str, Callable[..., list[float]]] = {
    "row": row,
    "callback": callback,
    "accept": accept,
    "deliver": deliver,
    "hash": hash_folder,
    "openssl": openssl,
    "fill": fill,
}

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in FIGURES:
        sys.exit(__doc__)
    print(json.dumps(FIGURES[sys.argv[1]](*sys.argv[2:])))
