"""docs/trainers.md: every block as it stands there, with the address and the key of a server that is really there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ASSETS, NODE, ROOT, Server, environment
from documented import read_blocks
from training_folder import commit_all, git

import runseal

BLOCKS = read_blocks()
PACKAGE = Path(runseal.__file__).parents[1]


class Place:
    """A folder as the document has it, and a shell in it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self._server = server
        self._bin = folder.parent / "bin"
        self._bin.mkdir()
        start = f"import sys, site; site.addsitedir({str(PACKAGE)!r}); sys.argv[0] = "
        # As pip would have made them in an environment that has both packages.
        self._program("runseal", f"{start}'runseal'; from runseal.cli import main; sys.exit(main())")
        self._program("llamafactory-cli", f"{start}'llamafactory-cli'; from llamafactory.cli import main; main()")

    def write(self, name: str, to: str = "") -> None:
        (self.folder / (to or name)).write_text(BLOCKS[name])

    def sh(self, name: str, replaced: tuple[tuple[str, str], ...] = (), **variables: str) -> str:
        """Runs a block after the one with the address; returns what was said on stderr."""
        own = (("http://your-server:7450", self._server.url), ("rsk_...", self._server.api_key), *replaced)
        text = BLOCKS[name] if name in ("address", "offline") else BLOCKS["address"] + BLOCKS[name]
        for old, new in own:
            text = text.replace(old, new)
        env = {**environment(self.folder.parent, None), **variables}
        env["PATH"] = os.pathsep.join([str(self._bin), str(Path(sys.executable).parent), str(NODE.parent), env["PATH"]])
        done = subprocess.run(
            ["sh", "-ec", text], cwd=self.folder, env=env, capture_output=True, text=True, timeout=400, check=False
        )
        print(name, done.stdout[-3000:], done.stderr[-6000:])
        assert done.returncode == 0, name
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def events_of_newest(self, state: str = "finished") -> tuple[str, list[dict[str, Any]]]:
        run = max(str(one["run_id"]) for one in self._server.runs())
        self._server.wait_for_state(run, state)
        return run, self._server.events(run)

    def _program(self, name: str, script: str) -> None:
        path = self._bin / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$@"\n')
        path.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Place:
    folder = tmp_path / "work"
    shutil.copytree(ASSETS / "data", folder / "data")
    shutil.copytree(ASSETS / "model", folder / "models" / "base")
    (folder / ".gitignore").write_text("saves\nmodels\nspool\n")
    place = Place(folder, server)
    for name in ("train.yaml", "train.py", "sft.py", "facts.yaml"):
        (folder / name).write_text(BLOCKS[name])
    git(folder, "init", "-q")
    commit_all(folder)
    return place


def gaps(server: Server, run: str) -> list[str]:
    """What the audit record lacks."""
    gate = server.verdict(run)["G6"]
    names = [one["name"] for one in gate["inputs"] if one["name"] not in ("fields", "fields complete")]
    return names if gate["verdict"] != "pass" else []


def test_the_wheel_is_installed_from_the_server(place: Place, tmp_path: Path) -> None:
    place.sh("install", PIP_TARGET=str(tmp_path / "target"), PIP_NO_INDEX="1")
    assert (tmp_path / "target" / "runseal" / "__init__.py").exists()
    place.sh("address")


def test_llama_factory_by_command_is_documented_whole_with_what_only_people_know(place: Place, server: Server) -> None:
    place.write("train.yaml")
    said = place.sh("run")
    assert "0 errors" not in said
    run, events = place.events_of_newest()
    assert gaps(server, run) == ["input_artifacts.base_model.source"]
    assert "run.parameters-recorded" in [event["type"] for event in events]
    place.write("facts.yaml")
    # LLaMA-Factory would go on from what lies there, and find nothing left to do.
    shutil.rmtree(place.folder / "saves")
    place.sh("run-with-facts")
    second, _ = place.events_of_newest()
    # The first one is finished: this is another run.
    assert second != run
    assert gaps(server, second) == []
    assert server.verdict(second)["G1"]["verdict"] == "pass"
    record = server.get(f"/v1/runs/{second}/audit-record")
    assert record["input_artifacts"]["base_model"]["license"] == "llama3.1"
    place.sh("look", ((" RUN\n", f" {second}\n"), ("npx runseal", f"{NODE} {ROOT}/apps/cli/bin/runseal.js")))


def test_llama_factory_by_yaml(place: Place, server: Server) -> None:
    text = BLOCKS["train.yaml"].replace("${LORA_RANK:-8}", "8")
    place.write("report-to")
    (place.folder / "train.yaml").write_text(text + (place.folder / "report-to").read_text())
    place.sh("by-yaml")
    run, events = place.events_of_newest()
    assert events[0]["payload"]["experiment"] == "support-lora"
    assert not [gap for gap in gaps(server, run) if gap.startswith(("training_record", "reproducibility", "producers"))]


def test_plain_transformers_with_and_without_the_command(place: Place, server: Server) -> None:
    place.write("train.py")
    place.sh("plain")
    run, events = place.events_of_newest()
    assert events[0]["payload"]["trainer"]["name"] == "transformers"
    place.sh("plain-wrapped")
    wrapped, events = place.events_of_newest()
    assert wrapped != run
    assert [event["type"] for event in events].count("run.attempt-started") == 1
    assert "run.log-captured" in [event["type"] for event in events]
    assert gaps(server, wrapped) == gaps(server, run)
    place.sh("cluster")
    cluster, events = place.events_of_newest()
    assert cluster not in (run, wrapped)
    assert gaps(server, cluster) == gaps(server, run)
    (end,) = [event["payload"] for event in events if event["type"] == "run.finished"]
    assert len(end["producers"]) == 2
    assert server.verify()["verdict"] == "intact"


def test_trl(place: Place, server: Server) -> None:
    place.write("sft.py")
    script = place.folder / "sft.py"
    # The one thing that a machine without a GPU must say.
    script.write_text(script.read_text().replace("max_length=64", "max_length=64, use_cpu=True, bf16=False"))
    place.sh("trl")
    run, events = place.events_of_newest()
    assert events[0]["payload"]["objective"] == "sft"
    assert server.verdict(run)["G1"]["verdict"] == "pass"


def test_a_node_without_network_and_watching(place: Place, server: Server) -> None:
    said = place.sh("offline")
    assert "no RUNSEAL_URL" in said
    receipt = json.loads((place.folder / "saves" / "support-lora" / "runseal-receipt.json").read_text())
    place.sh("deliver")
    run, events = place.events_of_newest()
    assert run == receipt["run"]
    place.sh("watch", (("--experiment", "--quiet 1 --experiment"),))
    watched, events = place.events_of_newest()
    assert watched != run
    assert {event["payload"]["role"] for event in events if event["type"] == "run.output-recorded"} >= {
        "weights",
        "tokenizer",
    }
    assert server.verify()["verdict"] == "intact"
