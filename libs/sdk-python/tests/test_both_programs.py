"""The commands that both programs have, the Python one and the one that comes with the server: same flags, same JSON, same exit
codes, against one server."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest
from test_end_to_end import COMMAND, Server, environment, run_node, server  # noqa: F401
from test_end_to_end import pytestmark as needs_server
from waiting import wait_for

import runseal
from runseal.canonical_json import number_text
from runseal.cli import _ELSEWHERE, main
from runseal.commands.reading import json_text
from runseal.commands.terminal_text import cell, curve, duration, plain_text, short_time, table, wrap

SAMPLED = "at host cpu_percent ram_used_bytes ram_total_bytes disk_free_bytes process_rss_bytes".split()
UNKNOWN = "01936b6e-1111-7000-8000-000000000000"
RUNS: dict[str, str] = {}
GIT = {"repository": None, "commit": "a" * 40, "dirty": False}


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """With a run that passed, one that is blocked, one that is under way, and two of one name."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "weights.safetensors").write_bytes(b"weights")
    policy = {"id": "default", "source": "quality_gates:\n  baseline_comparison: false\n"}
    request = urllib.request.Request(
        f"{server.url}/v1/policies",
        json.dumps(policy).encode(),
        {"authorization": f"Bearer {server.api_key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 201
    RUNS["passed"] = make_run(server, folder, "sound", nan_at=None)
    RUNS["blocked"] = make_run(server, folder, "poisoned", nan_at=60)
    RUNS["warnings"] = make_run(server, folder, "flat", nan_at=None, is_flat=True)
    for state in ("one", "two"):
        RUNS[state] = make_run(server, folder, "twice", nan_at=None, ends=False)
    wanted = {"passed": "passed", "blocked": "blocked", "warnings": "warnings"}
    for name, overall in wanted.items():
        path = f"/v1/runs/{RUNS[name]}/gates"
        wait_for("a verdict", partial(lambda path: server.get(path)["items"], path), 60)
        (verdict, *_) = server.get(path)["items"]
        assert verdict["overall"] == overall, verdict["gates"]
    return server


def make_run(
    at: Server, folder: Path, name: str, *, nan_at: Optional[int], ends: bool = True, is_flat: bool = False
) -> str:
    weights, digest = str(folder / "weights.safetensors"), f"sha256:{'a' * 64}"
    run = runseal.start_run(
        "both",
        name=name,
        url=at.url,
        api_key=at.api_key,
        spool_dir=str(folder / "spool"),
        trainer={"name": "transformers", "version": "5.6.0"},
        total_steps=100,
        say=lambda line: None,
    )
    run.log_input("base_model", source="org/base", revision="f" * 40)
    run.log_input("dataset", role="train", path=weights, hash=True, version="v1", samples=9, schema="alpaca")
    run.log_input("config", path=weights, hash=True, resolved_digest=digest, git=GIT)
    run.log_environment(
        seeds={"seed": 1, "data_seed": 1, "numpy_seed": "derived"},
        versions=dict.fromkeys(("python", "torch", "transformers", "peft"), "1"),
        hardware={"gpu_type": "cpu"},
        determinism={"cudnn_deterministic": False, "cudnn_benchmark": False},
    )
    for step in range(10, 101, 10):
        loss = float("nan") if step == nan_at else 0.2 if is_flat else 2 / step**0.5
        run.log_metrics(
            {"loss": loss, "grad_norm": 0.5, "learning_rate": 1e-7 * step, "10": step, "9": 0.1}, step, epoch=step / 50
        )
    run.log_metrics({"eval_loss": 0.2}, 100, kind="eval")
    gpu = {
        "index": 0,
        "name": "A100",
        "utilization_percent": 80.5,
        "memory_used_bytes": 7e9,
        "memory_total_bytes": 8e10,
    }
    sample = {**dict.fromkeys(SAMPLED), "gpus": [{**gpu, "temperature_celsius": None, "power_watts": None}]}
    run.record("run.resources-sampled", {"attempt": run.attempt, "samples": [sample] * 2})
    for step in range(10, 101, 10):
        run.save_checkpoint(step, path=f"out/checkpoint-{step}")
    for step in range(10, 61, 10):
        run.record("run.checkpoint-deleted", {"attempt": run.attempt, "step": step, "path": None})
    for value in (True, 1e-7, None):
        text = "the trainer leaves losses that are not finite out of what it logs" if value else None
        run.record("run.annotated", {"attempt": run.attempt, "name": "nan_inf_filter", "text": text, "value": value})
    run.log_output("weights", path=weights, type="full", hash=True)
    run.log_output("training_args", path=weights, hash=True)
    if ends:
        run.finish(completed_steps=100, final_weights={"attempt": run.attempt, "step": 100})
    else:
        run.wait_for_hashes(30)
        run.flush(30)
    return run.id


class Case(NamedTuple):
    name: str
    #: Without the program. {passed} and its kind stand for the runs' ids, {url} and {key} for the server's.
    arguments: str
    exit_code: int
    #: The server's address and key in the environment.
    is_settled: bool = True


CASES = [
    Case("a run that passed, by id", "show {passed}", 0),
    Case("by name", "show sound", 0),
    Case("by the beginning of its id", "show {passed_short}", 0),
    Case("one that is blocked", "show poisoned", 0),
    Case("one that is under way", "show {one}", 0),
    Case("options before the command", "--url {url} --key {key} show sound", 0, False),
    Case("options after it", "show sound --url {url}/ --key {key}", 0, False),
    Case("unknown", f"show {UNKNOWN}", 1),
    Case("no such name", "show nobody", 1),
    Case("an id that is none", "show 01936b6e-1111", 1),
    Case("an empty one", "show ''", 1),
    Case("a name of two runs", "show twice", 1),
    Case("no run told", "show", 2),
    Case("an option that is none", "show sound --wrong", 2),
    Case("half an option", "gates sound --eval", 2),
    Case("two runs", "show sound poisoned", 2),
    Case("nobody there", "show sound --url {nobody}", 2),
    Case("no server told", "show sound", 2, False),
    Case("no address", "show sound --url nonsense", 2),
    Case("a wrong key", "show sound --key rsk_wrong_key", 2),
    Case("no key", "show sound --url {url}", 2, False),
    Case("help", "show --help", 0),
    Case("gates: passed", "gates sound", 0),
    Case("one with warnings", "show flat", 0),
    Case("gates: warnings", "gates flat", 0),
    Case("gates: blocked", "gates poisoned", 1),
    Case("gates: blocked, by id", "gates {blocked}", 1),
    Case("gates: not judged", "gates {one}", 2),
    Case("gates: as of the beginning", "gates sound --as-of 1", 2),
    Case("gates: as of a time to come", "gates sound --as-of 2999-01-01T00:00:00Z", 0),
    Case("gates: as of nonsense", "gates sound --as-of nonsense", 2),
    Case("gates: judged now", "gates sound --evaluate", 0),
    Case("gates: judged now, as of then", "gates sound --evaluate --as-of 1", 2),
    Case("gates: unknown", f"gates {UNKNOWN}", 1),
    Case("gates: no such name", "gates nobody", 1),
    Case("gates: nobody there", "gates sound --url {nobody}", 2),
    Case("gates: a wrong key", "gates sound --key rsk_wrong_key", 2),
    Case("gates: help", "gates --help", 0),
    Case("gates by their other name", "why poisoned", 1),
    Case("no command", "", 2),
    Case("no such command", "nonsense", 2),
    Case("help for all", "--help", 0),
]


@needs_server
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_both_say_the_same(site: Server, case: Case, tmp_path: Path) -> None:
    short = {f"{name}_short": run[:13] for name, run in RUNS.items()}
    names = {**RUNS, **short, "url": site.url, "key": site.api_key, "nobody": closed_address()}
    words = [word.strip("'").format(**names) for word in case.arguments.split()]
    settled = {"RUNSEAL_URL": site.url, "RUNSEAL_API_KEY": site.api_key} if case.is_settled else {}
    for more in ([], ["--json"]):
        theirs = run_node([str(COMMAND), *words, *more], str(tmp_path), **settled)
        ours = run_python([*words, *more], tmp_path, settled)
        assert (ours.returncode, theirs.returncode) == (case.exit_code, case.exit_code), (ours.stderr, theirs.stderr)
        if "--help" not in words:
            assert ours.stdout == theirs.stdout
        if ours.stdout == "" or case.exit_code == 2:
            assert "" not in (ours.stderr, theirs.stderr)


def closed_address() -> str:
    """Where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def run_python(arguments: list[str], folder: Path, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runseal", *arguments],
        cwd=folder,
        env={**environment(str(folder)), "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@needs_server
def test_the_key_of_the_servers_own_folder_is_found(site: Server, tmp_path: Path) -> None:
    assert run_python(["show", "sound"], Path(site.folder), {}).returncode == 0
    # It goes to no other address.
    other = run_python(["show", "sound", "--url", site.url.replace("127.0.0.1", "localhost")], Path(site.folder), {})
    assert other.returncode == 2
    assert "Give a key" in other.stderr


@needs_server
def test_a_person_sees_curves_verdict_and_materials(site: Server, tmp_path: Path) -> None:
    settled = {"RUNSEAL_URL": site.url, "RUNSEAL_API_KEY": site.api_key}
    text = run_python(["show", "sound"], tmp_path, settled).stdout
    assert re.search(r"  loss +█▆?.*▁ 0\.2 converging\n", text), text
    assert "G1 pass  G2 pass  G3 pass  G4 skipped  G5 skipped  G6 pass" in text
    assert f"why: runseal why {RUNS['passed']}" in text
    assert re.search(r"in +dataset train +- .*|in +dataset train", text)
    gates = run_python(["gates", "poisoned"], tmp_path, settled).stdout
    assert gates.startswith(f"BLOCKED  run {RUNS['blocked']}\n")
    assert "G1 stability: FAIL (block)\n   loss is NaN at step 60" in gates


@needs_server
def test_every_command_of_the_other_program_is_known_here(tmp_path: Path) -> None:
    commands = run_node([str(COMMAND), "--help"], str(tmp_path)).stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    listed = re.findall(r"^  ([a-z][a-z-]*) .*$", commands, re.MULTILINE)
    here = {"show", "gates", "why", "help"}
    assert set(listed) - here == set(_ELSEWHERE)
    assert here <= set(listed)


@pytest.mark.parametrize("arguments", [["verify"], ["--url", "http://x", "verify"], ["--json", "runs", "--all"]])
def test_a_command_of_the_other_program_says_so(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "belongs to the program that comes with the server: npx runseal" in capfd.readouterr().err


def test_json_is_written_as_javascript_writes_it() -> None:
    value: Any = {"b": 1e-7, "10": 1e21, "a": [2.0, True, None, "é\u2028\n\x7f"], "9": -0.0, "01": 12345678901234567.0}
    assert json_text(value) == ('{"9":0,"10":1e+21,"b":1e-7,"a":[2,true,null,"é\u2028\\n\x7f"],"01":12345678901234568}')
    assert number_text(0.1) == "0.1"


def test_words_and_curves_for_a_terminal() -> None:
    assert [duration(one) for one in (0.04, 6.54, 60, 252, 11_220, 187_000)] == [
        "0 s",
        "6.5 s",
        "1 min 00 s",
        "4 min 12 s",
        "3 h 07 min",
        "2 d 03 h",
    ]
    assert [cell(one) for one in (None, "", True, 2.0, 0.1234567, 1e-9, "x" * 50)] == [
        "-",
        "-",
        "true",
        "2",
        "0.123457",
        "1e-9",
        "x" * 39 + "…",
    ]
    assert curve([4, 3, 2, 1]) == "█▆▃▁"
    assert curve([1, "NaN", 1]) == "█×█"
    assert curve([]) == ""
    assert len(curve(list(range(1000)))) == 32
    assert plain_text("a\x1b[31m\u202eb\n") == "a [31m b "
    assert short_time("2026-01-26T10:30:00.123Z") == "2026-01-26 10:30:00Z"
    assert short_time(None) == "-"
    assert table(["A", "BB"], [["xxx", "y"]]) == "A    BB\nxxx  y"
    assert max(map(len, wrap("word " * 60, "  ").split("\n"))) <= 100
