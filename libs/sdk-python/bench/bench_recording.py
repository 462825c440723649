"""What recording costs a training loop, and how fast rows get into the spool and out of it.

`python bench/bench_recording.py [--runs N]` in an environment that has the package prints one line of JSON a figure, as
`npm run bench` does. The delivery needs a server: RUNSEAL_URL and RUNSEAL_API_KEY; without them a scripted one in a process
of its own stands in, which seals nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import runseal
from runseal.config import Config
from runseal.send_spool import send_spool

TESTS = Path(__file__).resolve().parents[1] / "tests"
ROWS = 5000
VALUES = {"loss": 2.0891, "grad_norm": 0.4417, "learning_rate": 9.7e-05, "epoch": 0.31}
#: A step of a training loop, in seconds: the loop must have something to be slowed down in.
STEP_S = 0.0005
DOOR = """
import sys, threading
from scripted_door import ScriptedDoor, answer, slow
door = ScriptedDoor()
door.always = {"503": answer(503), "slow": slow(0.1), "quick": None}[sys.argv[1]]
print(door.url, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def scripted(kind: str) -> Iterator[str]:
    """The address of a server that answers 503, or after 100 ms, or at once; in its own process, as a real one is."""
    if kind == "down":
        yield "http://127.0.0.1:9"
        return
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", DOOR, kind], cwd=TESTS, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process.stdout.readline().strip()
        process.stdin.close()


def work(until: float) -> None:
    while time.perf_counter() < until:
        pass


def loop(log: Callable[[int], object]) -> list[float]:
    """Microseconds that each call of `log` took, in a loop that works between the calls."""
    times = []
    for step in range(ROWS):
        work(time.perf_counter() + STEP_S)
        began = time.perf_counter()
        log(step)
        times.append(1e6 * (time.perf_counter() - began))
    return sorted(times)


def recorded_loop(url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as spool_dir:
        began = time.perf_counter()
        run = start(url, spool_dir)
        started = time.perf_counter()
        times = loop(lambda step: run.log_metrics(VALUES, step))
        run.finish()
    return {
        "median": times[ROWS // 2],
        "p99": times[ROWS * 99 // 100],
        "max": times[-1],
        "start_ms": 1e3 * (started - began),
    }


def start(url: Optional[str], spool_dir: str) -> runseal.Run:
    options: dict[str, Any] = {} if url is None else {"url": url}
    return runseal.start_run("bench", api_key="rsk_x_y", spool_dir=spool_dir, drain_s=0, say=lambda _: None, **options)


def accepted_per_second() -> float:
    """Points a second from the loop into the spool, on the disk, with nobody sending."""
    with tempfile.TemporaryDirectory() as spool_dir:
        run = start(None, spool_dir)
        began = time.perf_counter()
        for step in range(ROWS):
            run.log_metrics(VALUES, step)
        run.flush(0)
        took = time.perf_counter() - began
        run.finish()
    return ROWS * len(VALUES) / took


def delivered_per_second(url: str, api_key: str) -> float:
    """Points a second from a dead process's spool to the server, receipts written down."""
    with tempfile.TemporaryDirectory() as spool_dir:
        run = start(None, spool_dir)
        for step in range(2 * ROWS):
            run.log_metrics(VALUES, step)
        run.finish()
        for owner in Path(spool_dir).glob("*/owner.json"):
            owner.unlink()
        began = time.perf_counter()
        (result,) = send_spool(Config(url, api_key, spool_dir, 1e9, 60.0, None, print))
        took = time.perf_counter() - began
    if result.pending or result.set_aside:
        raise SystemExit(f"the delivery is not whole: {result}")
    return 2 * ROWS * len(VALUES) / took


def report(bench: str, unit: str, values: list[float], target: float, control: Optional[list[float]] = None) -> None:
    value = statistics.median(values)
    is_cost = unit in ("us", "ms")
    line: dict[str, Any] = {"bench": bench, "unit": unit, "value": round(value, 3)}
    if control is not None:
        of = statistics.median(control)
        line["control"] = {"name": "the same loop without us", "value": round(of, 3)}
        line["ratio"] = round(value / of, 3) if of else None
    met = value <= target if is_cost else value >= target
    line.update(target=target, met=met, runs=[round(one, 3) for one in values])
    print(json.dumps({**line, "cores": os.cpu_count(), "python": platform.python_version()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = range(parser.parse_args().runs)
    for kind in ("down", "slow", "503"):
        with scripted(kind) as url:
            pairs = [(recorded_loop(url), loop(lambda step: None)) for _ in runs]
        control = [times[ROWS // 2] for _, times in pairs]
        report(f"sdk-python log row, server {kind}: median", "us", [one["median"] for one, _ in pairs], 100, control)
        control = [times[ROWS * 99 // 100] for _, times in pairs]
        report(f"sdk-python log row, server {kind}: p99", "us", [one["p99"] for one, _ in pairs], 1000, control)
        report(f"sdk-python start, server {kind}", "ms", [one["start_ms"] for one, _ in pairs], 1000)
    report("sdk-python accept", "points/s", [accepted_per_second() for _ in runs], 20_000)
    given = os.environ.get("RUNSEAL_URL")
    with contextlib.nullcontext(given) if given else scripted("quick") as url:
        key = os.environ.get("RUNSEAL_API_KEY", "rsk_x_y")
        report("sdk-python deliver", "points/s", [delivered_per_second(url, key) for _ in runs], 10_000)


if __name__ == "__main__":
    main()
