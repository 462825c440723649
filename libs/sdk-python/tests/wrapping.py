"""Runs `runseal run` in front of small scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Optional

from scripted_door import Json, ScriptedDoor

import runseal

PACKAGE = str(Path(runseal.__file__).parents[1])
KEY = "rsk_abc_secretsecretsecret"


class Wrapping:
    """A folder in which commands are run; the spool lies in it."""

    def __init__(self, folder: Path, url: Optional[str]) -> None:
        self.folder = folder
        self.spool = str(folder / "spool")
        self.url = url
        #: Stands before the program.
        self.before: list[str] = []

    def start(
        self, command: list[str], *options: str, program: str = "run", **variables: str
    ) -> subprocess.Popen[bytes]:
        behind = ["--", *command] if program != "watch" else []
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": PACKAGE,
            "RUNSEAL_SPOOL_DIR": self.spool,
            "RUNSEAL_DRAIN_S": "5",
            "RUNSEAL_EXPERIMENT": "wrapped",
            **({} if self.url is None else {"RUNSEAL_URL": self.url, "RUNSEAL_API_KEY": KEY}),
            **variables,
        }
        return subprocess.Popen(
            [*self.before, sys.executable, "-m", "runseal", program, *options, *behind],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, command: list[str], *options: str, **variables: str) -> tuple[int, bytes, bytes]:
        process = self.start(command, *options, **variables)
        out, err = process.communicate(timeout=90)
        assert b"Traceback" not in err, err.decode(errors="replace")
        return process.returncode, out, err

    def python(self, script: str) -> list[str]:
        return [sys.executable, "-c", textwrap.dedent(script)]

    def receipt(self, folder: str = "out") -> Any:
        return json.loads((self.folder / folder / "runseal-receipt.json").read_text())


def the(door: ScriptedDoor, event_type: str) -> Json:
    (event,) = door.of_type(event_type)
    payload: Json = event["payload"]
    return payload
