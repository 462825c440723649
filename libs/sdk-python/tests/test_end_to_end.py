"""Against the real server, and with the TypeScript client: one spool format, one ledger."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from places import ROOT
from spools import spooled
from test_tensors import write
from waiting import wait_for

import runseal
from runseal.cli import main
from runseal.config import Config
from runseal.delivery.door import REFUSAL_CODES
from runseal.delivery.send_spool import send_spool

NODE = ROOT / "node_modules" / ".bin" / "node"
COMMAND = ROOT / "apps" / "cli" / "bin" / "runseal.js"
SDK = ROOT / "libs" / "sdk" / "dist" / "index.js"

pytestmark = pytest.mark.skipif(
    not (NODE.exists() and SDK.exists() and (ROOT / "apps" / "cli" / "dist" / "main.js").exists()),
    reason="the server is not built here",
)


class Server(NamedTuple):
    url: str
    api_key: str
    folder: str

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {self.api_key}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def events(self, run: str) -> list[dict[str, Any]]:
        """What trainers sealed of a run, envelope and payload together; verdicts come when they come."""
        items = self.get(f"/v1/records?stream=run/{run}&limit=500")["items"]
        found = [{**json.loads(one["envelope"]), "payload": json.loads(one["payload"])} for one in items]
        return [event for event in found if event["producer"] is not None]

    def verify(self) -> dict[str, Any]:
        done = run_node([str(COMMAND), "verify", "--json"], self.folder)
        verdict: dict[str, Any] = json.loads(done.stdout)
        return verdict

    def config(self, spool_dir: str) -> Config:
        return Config(self.url, self.api_key, spool_dir, 1e9, 30.0, None, lambda line: None)


def environment(folder: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": folder, "XDG_CONFIG_HOME": f"{folder}/config"}


def run_node(arguments: list[str], folder: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, *arguments],
        cwd=folder,
        env={**environment(folder), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Postgres refuses to run as its files' stranger, and pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory(prefix="runseal-e2e-") as folder:
        os.chmod(folder, 0o755)
        process = subprocess.Popen(
            [NODE, COMMAND, "standalone", "--port", "0", "--json"],
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        started = json.loads(line or "{}")
        assert "url" in started, f"the server did not start: {line}{process.communicate()[1]}"
        yield Server(started["url"], started["api_key"], folder)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_run_from_python_is_sealed_judged_finished_and_verifies(server: Server, tmp_path: Path) -> None:
    weights = tmp_path / "out"
    weights.mkdir()
    write(weights / "adapter_model.safetensors", {"lora": ("F32", bytes(100_000))})
    said: list[str] = []
    with runseal.start_run(
        "python-e2e",
        url=server.url,
        api_key=server.api_key,
        spool_dir=str(tmp_path / "spool"),
        say=said.append,
        name="first",
        tasks=["qa"],
        objective="sft",
        trainer={"name": "transformers", "version": "5.18.0"},
        tags={"team": "a", "api_key": "not to be told"},
        total_steps=500,
    ) as run:
        run.log_parameters({"learning_rate": 1e-4, "lora": {"rank": 8}, "hub_token": "hf_" + "aB3" * 12, "big": 1e300})
        run.log_environment(seeds={"seed": 42}, versions={"python": "3"}, hardware={"gpu_count": 0})
        run.log_input("base_model", source="hub/model", revision="a" * 40)
        data = tmp_path / "train.jsonl"
        data.write_text('{"instruction": "a", "output": "b"}\n' * 3)
        run.log_input("dataset", role="train", name="tickets", path=data, hash=True, profile=True)
        for step in range(1, 501):
            run.log_metrics(
                {"loss": 2.0 / step, "grad_norm": float("nan") if step == 7 else 0.5}, step, epoch=step / 500
            )
        run.log_metrics({"eval_loss": 1e17}, 500, kind="eval")
        run.save_checkpoint(500, path=weights, hash=True)
        run.evaluate({"kind": "fixed", "name": "held-out", "samples": 100}, after_training=True)
        run.log_output("weights", type="lora", path=weights, hash=True, check_tensors=True)
    delivery = run.finish(completed_steps=500)
    assert (delivery.complete, delivery.set_aside) == (True, 0)

    events = server.events(run.id)
    inputs = [event["payload"] for event in events if event["type"] == "run.input-recorded"]
    assert [(one["samples"], one["schema"]) for one in inputs if one["kind"] == "dataset"][-1] == (3, "alpaca")
    outputs = [event["payload"] for event in events if event["type"] == "run.output-recorded"]
    assert [one["tensors_finite"] for one in outputs] == [True]
    of_data = server.get(f"/v1/records?stream=artifact/{inputs[-1]['digest']}&limit=500")["items"]
    assert [json.loads(one["envelope"])["type"] for one in of_data] == ["artifact.registered", "artifact.assessed"]
    assert json.loads(of_data[1]["payload"])["profile"]["duplicate_rows"] == 2
    mine = [event for event in spooled(str(tmp_path / "spool")) if event["stream"] == f"run/{run.id}"]
    assert [event["id"] for event in events] == [event["id"] for event in mine]
    assert events[-1]["type"] == "run.finished"
    rows = [row for event in events if event["type"] == "run.metrics-logged" for row in event["payload"]["rows"]]
    assert [row["step"] for row in rows if row["kind"] == "train"] == list(range(1, 501))
    assert rows[6]["values"]["grad_norm"] == "NaN"
    assert events[-1]["payload"]["producers"][0]["count"] == len(spooled(str(tmp_path / "spool")))

    def finished() -> bool:
        return bool(server.get(f"/v1/runs/{run.id}")["state"] == "finished")

    wait_for("the projection", finished, 30)
    verdict = wait_for("a head over all", lambda: _anchored(server), 60)
    assert verdict["faults"] == []
    assert all("masked" in line for line in said)


def _anchored(server: Server) -> Any:
    verdict = server.verify()
    return verdict if verdict["verdict"] == "intact" and verdict["unanchored"] == 0 else None


def test_the_typescript_client_delivers_what_a_python_process_left(server: Server, tmp_path: Path) -> None:
    spool_dir = str(tmp_path / "spool")
    script = f"""
import os, runseal
run = runseal.start_run("left by python", spool_dir={spool_dir!r}, say=lambda line: None)
run.log_parameters({{"text": "é \\U0001f600 \\u2028", "lr": 1e-5}})
for step in range(300): run.log_metrics({{"loss": 1 / (step + 1)}}, step)
run.save_checkpoint(300)
print(run.id, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    (segment,) = Path(spool_dir).glob("*/0.seg")
    segment.write_bytes(segment.read_bytes() + b"\0\0\0\x63torn")
    send = f"""
const {{ sendSpool }} = await import({json.dumps(SDK.as_uri())});
console.log(JSON.stringify(await sendSpool({json.dumps(spool_dir)})));
"""
    sent = run_node(
        ["--input-type=module", "-e", send], str(tmp_path), RUNSEAL_URL=server.url, RUNSEAL_API_KEY=server.api_key
    )
    (result,) = json.loads(sent.stdout)
    assert (result["outcome"], result["pending"], result["setAside"], result["torn"]) == ("delivered", 0, 0, 1)
    events = server.events(done.stdout.strip())
    assert [event["type"] for event in events][-1] == "run.checkpoint-saved"
    assert events[2]["payload"]["parameters"]["text"] == "é \U0001f600 \u2028"
    assert result["delivered"] == len(events)
    # What it wrote down is what we read: nothing is sent again, and only that is forgotten which is named.
    assert [(one.outcome, one.delivered) for one in send_spool(server.config(spool_dir))] == [("delivered", 0)]
    arguments = ["spool", "resend", "--since", "1h", spool_dir, "--url", server.url, "--key", server.api_key]
    assert main(arguments) == 0
    assert len(server.events(done.stdout.strip())) == len(events)


def test_python_delivers_what_a_typescript_process_left(server: Server, tmp_path: Path) -> None:
    spool_dir = str(tmp_path / "spool")
    script = f"""
const {{ startRun }} = await import({json.dumps(SDK.as_uri())});
const run = await startRun({{ experiment: 'left by typescript', spoolDir: {json.dumps(spool_dir)}, say: () => undefined }});
run.logParameters({{ text: 'é 😀', lr: 1e-5 }});
for (let step = 0; step < 300; step++) run.logMetrics({{ loss: 1 / (step + 1) }}, {{ step }});
run.saveCheckpoint({{ step: 300 }});
console.log(run.id);
process.kill(process.pid, 'SIGKILL');
"""
    left = run_node(["--input-type=module", "-e", script], str(tmp_path))
    (result,) = send_spool(server.config(spool_dir))
    assert (result.outcome, result.pending, result.set_aside, result.torn) == ("delivered", 0, 0, 0)
    events = server.events(left.stdout.strip())
    assert len(events) == result.delivered
    assert events[-1]["type"] == "run.checkpoint-saved"
    assert {event["producer"]["client"].partition("/")[0] for event in events} == {"runseal-js"}


def test_a_run_that_starts_before_its_server_is_delivered_when_it_is_there(server: Server, tmp_path: Path) -> None:
    spool_dir = str(tmp_path / "spool")
    with runseal.start_run("offline", spool_dir=spool_dir, say=lambda line: None) as run:
        run.log_metrics({"loss": 1.0}, 1)
    # This process lives, and yet its run has ended without a server: another one sends it.
    script = "import sys; from runseal.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "spool", "send", spool_dir, "--json"],
        env={"PATH": os.environ["PATH"], "RUNSEAL_URL": server.url, "RUNSEAL_API_KEY": server.api_key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["folders"][0]["outcome"] == "live"
    for owner in Path(spool_dir).glob("*/owner.json"):
        owner.unlink()
    assert [one.outcome for one in send_spool(server.config(spool_dir))] == ["delivered"]
    assert [event["type"] for event in server.events(run.id)][-1] == "run.finished"


def test_the_server_hands_this_package_out_and_pip_installs_it(server: Server, tmp_path: Path) -> None:
    name = f"runseal-{runseal.__version__}-py3-none-any.whl"
    with urllib.request.urlopen(f"{server.url}/sdk/{name}", timeout=30) as response:
        assert response.read() == (ROOT / "libs" / "sdk-python" / "dist" / name).read_bytes()
    install = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path),
        f"{server.url}/sdk/{name}",
    ]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runseal; print(runseal.__file__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server.url}/sdk/runseal-9.9.9-py3-none-any.whl", timeout=30)


def test_we_know_every_refusal_that_the_contracts_have(tmp_path: Path) -> None:
    contracts = ROOT / "libs" / "contracts" / "dist" / "index.js"
    script = f"console.log(Object.keys((await import({json.dumps(contracts.as_uri())})).refusalCodes).join(' '))"
    done = run_node(["--input-type=module", "-e", script], str(tmp_path))
    assert set(done.stdout.split()) == REFUSAL_CODES


def test_the_limits_are_the_contracts(tmp_path: Path) -> None:
    from runseal.events.event import EVENTS_PER_REQUEST, PAYLOAD_BYTES, REQUEST_BYTES

    text = (ROOT / "libs" / "contracts" / "src" / "limits.ts").read_text(encoding="utf-8")

    def limit(name: str) -> int:
        found = re.search(rf"{name}: ([0-9* ]+),", text)
        assert found
        return int(eval(found[1]))

    assert limit("eventsPerRequest") == EVENTS_PER_REQUEST
    assert limit("requestBytes") == REQUEST_BYTES
    assert limit("payloadBytes") == PAYLOAD_BYTES
