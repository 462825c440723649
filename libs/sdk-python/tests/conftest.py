from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from scripted_door import ScriptedDoor
from wrapping import Wrapping

# Files of hypothesis would lie about in the repository; a failure is printed with what reproduces it.
settings.register_profile(
    "here",
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("here")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RUNSEAL_") or name.lower().endswith("_proxy") or name == "RANK":
            monkeypatch.delenv(name)


@pytest.fixture
def door() -> Iterator[ScriptedDoor]:
    door = ScriptedDoor()
    yield door
    door.close()


@pytest.fixture
def spool_dir(tmp_path: Path) -> str:
    return str(tmp_path / "spool")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def wrapping(door: ScriptedDoor, tmp_path: Path) -> Wrapping:
    return Wrapping(tmp_path, door.url)
