"""A server of its own, the tiny model and data, and a way to run a training script as a user would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "node_modules" / ".bin" / "node"
COMMAND = ROOT / "apps" / "cli" / "bin" / "runseal.js"
ASSETS = Path(os.environ.get("RUNSEAL_TRAINERS_ASSETS", ROOT / "tmp" / "trainers" / "assets"))
SCRIPTS = Path(__file__).resolve().parent / "scripts"


class Server:
    """A standalone one; it may be stopped and started again on the same port and data."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.url = ""
        self.api_key = ""
        self._process: Optional[subprocess.Popen[str]] = None

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        self._process = subprocess.Popen(
            [NODE, COMMAND, "standalone", "--port", port, "--json"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        started = json.loads(line or "{}")
        assert "url" in started, f"the server did not start: {line}{self._process.communicate()[1]}"
        self.url = started["url"]
        self.api_key = json.loads(Path(self.folder, ".runseal", "credentials.json").read_text())["api_key"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.communicate(timeout=60)
            self._process = None

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {self.api_key}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def runs(self) -> list[dict[str, Any]]:
        return list(self.get("/v1/runs")["items"])

    def events(self, run: str) -> list[dict[str, Any]]:
        """What is sealed of a run: envelope and payload together."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"/v1/records?stream=run/{run}&limit=500{cursor}")
            found += [{**json.loads(one["envelope"]), "payload": json.loads(one["payload"])} for one in page["items"]]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def wait_for_state(self, run: str, state: str) -> None:
        def is_so() -> bool:
            try:
                return bool(self.get(f"/v1/runs/{run}")["state"] == state)
            except urllib.error.HTTPError as error:
                # What is sealed is shown a moment later.
                if error.code != 404:
                    raise
                return False

        wait_for(f"the run is {state}", is_so, 60)

    def verdict(self, run: str) -> dict[str, dict[str, Any]]:
        """The newest verdict's gates by id."""
        items = wait_for("a verdict", lambda: self.get(f"/v1/runs/{run}/gates")["items"], 60)
        return {gate["id"]: gate for gate in items[0]["gates"]}

    def verify(self) -> dict[str, Any]:
        """The answer of `runseal verify` once a head stands over all records."""

        def anchored() -> Any:
            done = subprocess.run(
                [NODE, COMMAND, "verify", "--json"],
                cwd=self.folder,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            verdict = json.loads(done.stdout)
            return verdict if verdict["unanchored"] == 0 else None

        found: dict[str, Any] = wait_for("a head over all", anchored, 60)
        return found

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "XDG_CONFIG_HOME": f"{self.folder}/config"}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    yield from _server()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """One that a test may stop."""
    yield from _server()


def _server() -> Iterator[Server]:
    # Postgres refuses to run as its files' stranger, and pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory(prefix="runseal-trainers-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        one = Server(folder)
        one.start()
        yield one
        one.stop()


class Ran:
    """A training that has run."""

    def __init__(self, done: subprocess.CompletedProcess[str], output: Path, spool: Path) -> None:
        self.code = done.returncode
        self.said = done.stderr
        self.printed = done.stdout
        self.output = output
        self.spool = spool

    @property
    def run(self) -> str:
        """The id of its run."""
        return str(json.loads((self.output / ".runseal" / "run.json").read_text())["run"])


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Ran]:
    """Runs a script of `scripts` with settings, in a folder of its own, as `python script.py` or a launcher would."""

    def work(
        script: str,
        settings: Optional[dict[str, Any]] = None,
        *,
        server: Optional[Server] = None,
        launcher: tuple[str, ...] = (),
        **variables: str,
    ) -> Ran:
        output = tmp_path / "out"
        done = subprocess.run(
            [sys.executable, *launcher, str(SCRIPTS / script), str(ASSETS), str(output), json.dumps(settings or {})],
            cwd=tmp_path,
            env={**environment(tmp_path, server), **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(done, output, tmp_path / "spool")

    return work


def environment(folder: Path, server: Optional[Server]) -> dict[str, str]:
    """The variables of a training."""
    kept = ("PATH", "HOME", "PYTHONPATH", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "LD_LIBRARY_PATH", "LANG")
    where = {} if server is None else {"RUNSEAL_URL": server.url, "RUNSEAL_API_KEY": server.api_key}
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUNSEAL_SPOOL_DIR": str(folder / "spool"),
        **where,
    }
