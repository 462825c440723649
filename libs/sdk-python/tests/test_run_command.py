"""`runseal run`: what becomes of a command's exit, signals, output and run, whatever else is broken."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from pathlib import Path
from typing import Optional

import pytest
from scripted_door import ScriptedDoor
from starting import check_against_published_schemas
from wrapping import Wrapping, the


@pytest.mark.parametrize(
    ("script", "code", "kind", "signal_name"),
    [
        ("", 0, "run.finished", None),
        ("raise SystemExit(3)", 3, "run.failed", None),
        ("raise SystemExit('diverged')", 1, "run.failed", None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, "run.killed", "SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143, "run.killed", "SIGTERM"),
        ("import os; os.abort()", 134, "run.failed", "SIGABRT"),
        # As a shell or a launcher tells of a child's signal.
        ("raise SystemExit(137)", 137, "run.killed", "SIGKILL"),
        ("raise SystemExit(200)", 200, "run.failed", None),
    ],
)
def test_the_end_is_sealed_for_what_it_was_and_the_exit_code_is_the_commands(
    script: str, code: int, kind: str, signal_name: Optional[str], door: ScriptedDoor, wrapping: Wrapping
) -> None:
    assert wrapping.run(["sh", "-c", 'exec "$@"', "sh", *wrapping.python(script)])[0] == code
    assert [event for event in door.types if event != "run.log-captured"] == [
        "run.started",
        "run.attempt-started",
        kind,
    ]
    end = the(door, kind)
    assert end["attempt"] == door.of_type("run.attempt-started")[0]["id"]
    assert end["producers"] == [{"id": door.sealed[0]["producer"]["id"], "count": len(door.sealed)}]
    assert end.get("signal") == signal_name
    if kind == "run.failed":
        assert end["exit_code"] == code
    check_against_published_schemas(door.sealed)


def test_a_command_that_is_not_there_ends_the_run_with_127(door: ScriptedDoor, wrapping: Wrapping) -> None:
    code, _, err = wrapping.run(["/nowhere/trainer", "train"])
    assert code == 127
    assert b"/nowhere/trainer: the command could not be started: No such file or directory" in err
    assert "could not be started" in the(door, "run.failed")["error"]["message"]
    (wrapping.folder / "script").write_text("not executable")
    assert wrapping.run(["./script"])[0] == 126


def test_no_command_is_a_mistake_of_the_user_and_starts_nothing(door: ScriptedDoor, wrapping: Wrapping) -> None:
    code, _, err = wrapping.run([])
    assert (code, door.types) == (2, [])
    assert b"there is no command" in err


def test_what_is_printed_comes_through_byte_by_byte_and_its_digest_is_sealed_without_secrets(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    secret = "hf_" + "aB3" * 12
    script = f"""
        import sys
        sys.stdout.buffer.write(bytes(range(256)) * 3 + b"\\n")
        print("token: {secret}")
        print("-----BEGIN PRIVATE KEY-----"); print("c2VjcmV0" * 8); print("-----END PRIVATE KEY-----")
        print("trouble", file=sys.stderr)
    """
    code, out, err = wrapping.run(wrapping.python(script))
    assert code == 0
    assert out.startswith(bytes(range(256)) * 3 + b"\n")
    assert secret.encode() in out
    assert b"\ntrouble\n" in err
    by_source = {event["payload"]["source"]: event["payload"] for event in door.of_type("run.log-captured")}
    assert {source: one["chunk"] for source, one in by_source.items()} == {"stdout": 0, "stderr": 0}
    kept = Path(by_source["stdout"]["location"]).read_bytes()
    assert by_source["stdout"]["digest"] == f"sha256:{hashlib.sha256(kept).hexdigest()}"
    assert (by_source["stdout"]["size_bytes"], by_source["stdout"]["masked"]) == (len(kept), 2)
    for text in (secret, "c2VjcmV0"):
        assert text.encode() not in kept
        assert text not in json.dumps(door.sealed)
    assert Path(by_source["stderr"]["location"]).read_bytes() == b"trouble\n"


def test_a_flood_of_output_comes_through_whole_and_in_chunks(door: ScriptedDoor, wrapping: Wrapping) -> None:
    script = "import sys\nfor n in range(200_000): print(n, 'x' * 90)"
    code, out, _ = wrapping.run(wrapping.python(script))
    assert code == 0
    assert out == b"".join(b"%d %s\n" % (n, b"x" * 90) for n in range(200_000))
    chunks = [event["payload"] for event in door.of_type("run.log-captured")]
    dropped = [one["count"] for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert [one["chunk"] for one in chunks] == list(range(len(chunks)))
    # What could not be masked in time is counted, and nothing of it stands twice.
    assert sum(one["size_bytes"] for one in chunks) + 65_536 * sum(dropped) >= len(out)
    assert max(one["size_bytes"] for one in chunks) <= 65_536


def test_lines_are_passed_on_while_the_command_goes_on(wrapping: Wrapping) -> None:
    script = "import sys, time; print('first'); time.sleep(60)"
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_what_a_grandchild_prints_later_is_passed_on_and_the_run_ends_without_it(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    later = "while [ ! -e go ]; do sleep 0.05; done; echo later; echo wrong >&2"
    process = wrapping.start(["sh", "-c", f"({later}) & echo done"])
    assert process.wait(15) == 0
    assert door.types[-1] == "run.finished"
    (wrapping.folder / "go").touch()
    out, err = process.communicate(timeout=15)
    assert out == b"done\nlater\n"
    assert err.endswith(b"wrong\n")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_reaches_the_whole_group_and_the_end_tells_of_it(
    name: str, door: ScriptedDoor, wrapping: Wrapping
) -> None:
    inner = "import time, signal; print('ready', flush=True); time.sleep(60)"
    process = wrapping.start(["sh", "-c", f'{sys.executable} -c "{inner}" & wait'])
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    process.wait(30)  # Shells let what is in the background ignore SIGINT: it goes on, and holds the output open.
    assert process.returncode == 128 + getattr(signal, name)
    end = the(door, "run.killed")
    assert end["signal"] == name
    assert name in end["reason"]


def test_a_command_that_saves_and_ends_well_when_asked_is_told_as_stopped(
    door: ScriptedDoor, wrapping: Wrapping
) -> None:
    script = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print("ready", flush=True)
        time.sleep(60)
    """
    process = wrapping.start(wrapping.python(script))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert the(door, "run.killed")["reason"] == "asked to end by SIGTERM, it ended with code 0"
