"""A disk that is full, not there or hangs."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_door import Exchange, ScriptedDoor, silence
from spools import KEY, RUN, config, disown, draft, open_spool, spooled, stored
from test_spool import _age
from waiting import wait_for
from wrapping import PACKAGE

import runseal
from runseal.events.metrics import Row
from runseal.events.payloads import BLANK_ENDING
from runseal.recording.recorder import Recorder
from runseal.say import Teller
from runseal.spool.layout import has_live_owner, list_segments
from runseal.spool.segment import decode_segment


def _mount(at: Path, size: str) -> bool:
    at.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", at], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / "small"
        if not _mount(at, "128k"):
            pytest.skip("mounting a tmpfs is not permitted here")
        yield at
        subprocess.run(["umount", "-l", at], check=True)


def test_a_full_disk_costs_rows_that_are_counted_and_nothing_else(
    door: ScriptedDoor, small_disk: Path, said: list[str]
) -> None:
    run = runseal.start_run(
        "x", url=door.url, api_key=KEY, spool_dir=str(small_disk / "spool"), say=said.append, drain_s=30
    )
    run.flush()
    (small_disk / "ballast").write_bytes(bytes(20_000))
    door.always = silence
    # Until the disk has been full for a while.
    step = 0
    while step < 5000:
        run.log_metrics({"loss": 1.0, "text_length": 12345.678, "more": step}, step)
        step += 1
    for count in range(50):
        run.log_parameters({"name": str(count).ljust(1000)})
    troubles = [line for line in said if "cannot be written" in line]
    # Said again at most where the disk had taken something for 5 s.
    assert 1 <= len(troubles) <= 3
    assert "No space left" in troubles[0]
    door.always = None
    door.closing.set()
    delivery = run.finish()
    assert delivery.complete
    assert delivery.set_aside == 0
    declared = [one for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert 0 < len(door.rows) < 5000
    assert {one["class"] for one in declared} == {"metrics"}
    assert sum(one["count"] for one in declared) + len(door.rows) == 5000
    assert len(door.of_type("run.parameters-recorded")) == 50
    assert door.sealed[-1]["payload"]["producers"][0]["count"] == len(door.sealed)
    assert {event["producer"]["seq"] for event in door.sealed} == set(range(len(door.sealed)))


def test_no_half_entry_stays_and_all_goes_on_when_there_is_space_again(small_disk: Path) -> None:
    spool = open_spool(str(small_disk))
    accepted = 0
    while spool.accept(draft(3000), "metrics"):
        accepted += 1
    assert accepted > 5
    assert len(stored(spool.folder)) == accepted
    assert decode_segment((Path(spool.folder) / "0.seg").read_bytes()).end == "clean"
    held = draft(3000)
    assert spool.accept(held, "permanent")
    assert [one.id for one in spool.in_memory] == [held.id]
    subprocess.run(["mount", "-o", "remount,size=512k", small_disk], check=True)
    wait_for("the disk is tried again", lambda: spool.accept(draft(3000), "metrics"), 15)
    assert spool.in_memory == []
    assert [event["producer"]["seq"] for event in stored(spool.folder)] == list(range(accepted + 2))
    spool.close()


def test_telemetry_is_refused_while_logs_still_fit_and_both_while_metrics_still_fit(small_disk: Path) -> None:
    spool = open_spool(str(small_disk))
    while spool.accept(draft(3000), "telemetry"):
        assert spool.count < 100
    assert not spool.accept(draft(1), "telemetry")
    while spool.accept(draft(300), "logs"):
        assert spool.count < 1000
    assert not spool.accept(draft(1), "logs")
    assert not spool.accept(draft(1), "telemetry")
    # There is space again, and only those may not take it who were refused a moment ago.
    subprocess.run(["mount", "-o", "remount,size=160k", small_disk], check=True)
    assert not spool.accept(draft(1), "logs")
    assert spool.accept(draft(1), "metrics")
    spool.close()


def test_a_file_that_may_not_grow_is_a_full_disk(spool_dir: str, said: list[str]) -> None:
    spool = open_spool(spool_dir, said)
    limits, ignoring = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        accepted = sum(spool.accept(draft(900), "metrics") for _ in range(20))
        assert spool.accept(draft(900), "permanent")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignoring)
    assert 5 < accepted < 20
    assert "too large" in said[0].lower()
    assert len(stored(spool.folder)) == accepted
    spool.write_held()
    spool.close()


def test_a_spool_that_cannot_be_made_costs_one_line_and_lifecycle_is_sent_from_memory(
    door: ScriptedDoor, tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    run = runseal.start_run("x", url=door.url, api_key=KEY, spool_dir=str(tmp_path / "file" / "spool"), say=said.append)
    run.log_parameters({"a": 1})
    run.log_metrics({"loss": 1.0}, 1)
    assert run.finish(completed_steps=1).complete
    assert door.types == [
        "run.started",
        "run.attempt-started",
        "run.parameters-recorded",
        "run.events-dropped",
        "run.finished",
    ]
    assert len(said) == 1
    assert door.sealed[-1]["payload"]["producers"][0]["count"] == 5


def test_what_goes_to_the_disk_while_it_is_sent_from_memory_counts_once(
    door: ScriptedDoor, tmp_path: Path, said: list[str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    waiting: list[Exchange] = []

    def later(exchange: Exchange) -> None:
        waiting.append(exchange)
        door.closing.wait(30)
        door.reply(exchange)

    door.faults.append(later)
    recorder = Recorder(config(str(blocked), door.url, said), RUN, Teller(said.append))

    def record(number: int) -> object:
        return recorder.record(
            {
                "type": "run.parameters-recorded",
                "payload": {"attempt": None, "parameters": {"a": number}, "asserted": []},
            }
        )

    record(1)
    wait_for("the request", lambda: waiting)
    blocked.unlink()
    os.makedirs(recorder.folder)
    (Path(recorder.folder) / "meta.json").write_text(json.dumps({"url": door.url, "ledger": None, "format": 1}))
    wait_for("the disk is tried again", lambda: record(2) and list_segments(recorder.folder), 15)
    door.closing.set()
    recorder.drain(10)
    assert recorder.delivery().spooled == 0
    assert len(door.sealed) == len(spooled(str(blocked)))
    recorder.close()


def test_a_disk_that_hangs_costs_rows_beyond_the_queue_and_one_short_wait(
    spool_dir: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(config(spool_dir, None, said)._replace(api_key=None), RUN, Teller(said.append))
    recorder.attempt = "01936b6e-1111-7000-8000-000000000001"
    hanging = os.path.join(spool_dir, "until")
    real_write = os.write

    def write(handle: int, data: bytes) -> int:
        wait_for("the disk", lambda: os.path.exists(hanging), 60)
        return real_write(handle, data)

    monkeypatch.setattr("runseal.spool.layout.os.write", write)
    row = Row("train", 1, None, time.time(), {"loss": 1.0})
    began = time.monotonic()
    for step in range(60_000):
        recorder.log_row(row._replace(step=step))
    assert time.monotonic() - began < 5
    began = time.monotonic()
    for _ in range(60):
        recorder.record(
            {"type": "run.parameters-recorded", "payload": {"attempt": None, "parameters": {"a": 1}, "asserted": []}}
        )
    # Sixty lifecycle calls wait as long as one: 0.1 s.
    assert time.monotonic() - began < 3
    assert not recorder.delivery().complete
    with open(hanging, "wb"):
        pass
    wait_for("the queue is worked off", lambda: recorder._writer.is_stalled is False)
    recorder.end("run.finished", [BLANK_ENDING])
    recorder.sync(5)
    events = spooled(spool_dir)
    rows = sum(len(event["payload"]["rows"]) for event in events if event["type"] == "run.metrics-logged")
    declared = [
        one for event in events if event["type"] == "run.events-dropped" for one in event["payload"]["not_accepted"]
    ]
    assert rows >= 20_000
    assert rows + sum(one["count"] for one in declared) == 60_000
    assert sum(event["type"] == "run.parameters-recorded" for event in events) == 60
    recorder.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_dead_process_that_nobody_has_waited_for_owns_nothing(spool_dir: str) -> None:
    script = (
        f"import os; from runseal.spool.layout import write_owner as w; os.makedirs({spool_dir!r}); w({spool_dir!r})"
    )
    with subprocess.Popen([sys.executable, "-c", script], env={"PYTHONPATH": PACKAGE}) as process:
        state = Path(f"/proc/{process.pid}/stat")
        wait_for("its death", lambda: ") Z " in state.read_text())
        assert not has_live_owner(spool_dir)
    assert process.returncode == 0


def test_a_folder_of_a_dead_process_is_told_from_one_that_lives(spool_dir: str) -> None:
    spool = open_spool(spool_dir)
    assert has_live_owner(spool.folder)
    owner = Path(spool.folder) / "owner.json"
    mine = json.loads(owner.read_text())
    changes: list[tuple[dict[str, object], bool]] = [
        ({"started": "another boot/1"}, False),
        ({"pid": 2**22 + 5}, False),
        ({"host": "elsewhere"}, True),
        ({"started": None}, True),
    ]
    for change, lives in changes:
        owner.write_text(json.dumps({**mine, **change}))
        assert has_live_owner(spool.folder) is lives, change
    owner.write_text(json.dumps({**mine, "host": "elsewhere"}))
    _age(spool.folder, 700)
    assert not has_live_owner(spool.folder)
    disown(spool)
    assert not has_live_owner(spool.folder)
