"""A command that the kernel kills for want of memory, in a control group of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_door import ScriptedDoor
from wrapping import Wrapping, the

GROUPS = Path("/sys/fs/cgroup/memory")
LIMIT_BYTES = 300_000_000


@pytest.fixture
def group() -> Iterator[Path]:
    """Of the first version; what is in it may hold 300 MB."""
    group = GROUPS / f"runseal-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    (group / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))
    yield group
    group.rmdir()


def test_the_end_tells_that_it_was_the_kernel(door: ScriptedDoor, wrapping: Wrapping, group: Path) -> None:
    script = "held = []\nwhile True: held.append(bytearray(10_000_000))"
    wrapping.before = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
    process = wrapping.start(wrapping.python(script))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 137, err
    end = the(door, "run.killed")
    assert end["signal"] == "SIGKILL"
    assert end["reason"] == "ended by SIGKILL: the kernel killed it for want of memory"
