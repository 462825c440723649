from __future__ import annotations

import json
import os
import resource
import signal
import stat
import struct
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_door import Exchange, ScriptedDoor, silence
from spools import KEY, RUN, config, disown, draft, open_spool, spooled, stored
from waiting import wait_for

import runseal
from runseal.events.metrics import Row
from runseal.events.payloads import BLANK_ENDING
from runseal.receipt import Receipt
from runseal.recording.recorder import Recorder
from runseal.say import Teller
from runseal.spool.layout import ack_file, has_live_owner, list_segments
from runseal.spool.outbox import Outbox, Refused
from runseal.spool.segment import decode_segment
from runseal.version import CLIENT, VERSION

WEEK_S = 7 * 24 * 3600


def receipt(event_id: str, seq: int = 1) -> Receipt:
    return Receipt(id=event_id, ledger="l", epoch=0, seq=seq, hash="a" * 64, sealed_at="now", duplicate=False)


def settle_all(outbox: Outbox) -> None:
    while batch := outbox.read(500, 10**6):
        outbox.settle([receipt(one.id) for one in batch])


def test_lays_down_meta_owner_and_numbered_segments_whose_entries_are_the_events(spool_dir: str) -> None:
    spool = open_spool(spool_dir, segment_bytes=1400)
    drafts = [draft(200) for _ in range(5)]
    assert all(spool.accept(one, "permanent") for one in drafts)
    folder = Path(spool.folder)
    assert json.loads((folder / "meta.json").read_text()) == {"url": "http://one", "ledger": None, "format": 1}
    owner = json.loads((folder / "owner.json").read_text())
    assert owner["pid"] == os.getpid()
    assert sorted(path.name for path in folder.iterdir()) == ["0.seg", "1.seg", "2.seg", "meta.json", "owner.json"]
    events = stored(spool.folder)
    assert [event["id"] for event in events] == [one.id for one in drafts]
    assert [event["producer"] for event in events] == [
        {"id": folder.name, "seq": seq, "client": CLIENT} for seq in range(5)
    ]
    first = (folder / "0.seg").read_bytes()
    length, checksum = struct.unpack(">II", first[:8])
    assert json.loads(first[8 : 8 + length]) == events[0]
    assert checksum == zlib.crc32(first[8 : 8 + length])
    spool.close()


def test_everything_is_for_the_owners_eyes_only(spool_dir: str) -> None:
    spool = open_spool(spool_dir)
    spool.accept(draft(), "permanent")
    Outbox(spool.folder).read(1, 1)
    settle_all(Outbox(spool.folder))
    spool.close()
    assert stat.S_IMODE(os.stat(spool.folder).st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path(spool.folder).iterdir()} == {0o600}


def test_the_version_is_the_one_of_the_repository() -> None:
    package = Path(__file__).resolve().parents[3] / "package.json"
    assert json.loads(package.read_text())["version"] == VERSION == runseal.__version__


def test_near_its_limit_refuses_telemetry_first_then_logs_then_metrics_lifecycle_never(
    spool_dir: str, said: list[str]
) -> None:
    spool = open_spool(spool_dir, said, limit_bytes=100_000)
    first_refusal: dict[str, int] = {}
    for round_number in range(300):
        for retention in ("telemetry", "logs", "metrics", "permanent"):
            if not spool.accept(draft(100), retention):
                first_refusal.setdefault(retention, round_number)
    assert list(first_refusal) == ["telemetry", "logs", "metrics"]
    assert len(set(first_refusal.values())) == 3
    assert len(stored(spool.folder)) == spool.count
    assert len(said) == 1
    assert "limit" in said[0]
    spool.close()


def test_deletes_what_is_acknowledged_before_it_refuses_anything(spool_dir: str) -> None:
    freed: list[int] = []

    def free() -> int:
        freed.append(1500)
        return 1500

    spool = open_spool(spool_dir, limit_bytes=2000, free_acknowledged=free)
    assert all(spool.accept(draft(200), "metrics") for _ in range(8))
    assert freed
    spool.close()


def test_counts_what_the_other_folders_of_the_spool_take(spool_dir: str) -> None:
    spool = open_spool(spool_dir, limit_bytes=10_000, others_bytes=9_999)
    assert not spool.accept(draft(), "metrics")
    assert spool.accept(draft(), "permanent")
    spool.close()


def test_the_outbox_hands_out_again_only_what_has_no_whole_line_in_the_ack_file(spool_dir: str) -> None:
    spool = open_spool(spool_dir)
    drafts = [draft() for _ in range(3)]
    for one in drafts:
        spool.accept(one, "permanent")
    ids = [one.id for one in drafts]
    whole, half = json.dumps(receipt(ids[0], 7)), json.dumps(receipt(ids[1], 8))[:40]
    Path(ack_file(spool.folder, 0)).write_text(f"{whole}\n{half}")
    outbox = Outbox(spool.folder)
    assert [one.id for one in outbox.read(500, 10**6)] == ids[1:]
    assert outbox.known == (0, 7, "a" * 64)
    outbox.settle([receipt(ids[1], 8), Refused(ids[2], "secret_detected")])
    assert outbox.read(500, 10**6) == []
    assert Outbox(spool.folder).read(500, 10**6) == []
    assert json.loads(Path(ack_file(spool.folder, 0)).read_text().splitlines()[-1]) == {
        "id": ids[2],
        "refused": "secret_detected",
    }
    spool.close()


def test_a_batch_is_limited_by_count_and_by_bytes_and_always_takes_one(spool_dir: str) -> None:
    spool = open_spool(spool_dir)
    for _ in range(10):
        spool.accept(draft(1000), "permanent")
    outbox = Outbox(spool.folder)
    assert [len(outbox.read(*limits)) for limits in ((3, 10**6), (500, 3000), (500, 10))] == [3, 2, 1]
    spool.close()


def test_settled_segments_go_when_they_are_old_enough_and_never_the_one_that_is_read(spool_dir: str) -> None:
    spool = open_spool(spool_dir, segment_bytes=1400)
    for _ in range(6):
        spool.accept(draft(200), "permanent")
    outbox = Outbox(spool.folder)
    settle_all(outbox)
    _age(spool.folder, WEEK_S - 60)
    assert outbox.delete_settled() == 0
    _age(spool.folder, WEEK_S + 60)
    assert outbox.delete_settled() > 1000
    assert list_segments(spool.folder) == [2]
    spool.close()


def _age(folder: str, seconds: float) -> None:
    then = time.time() - seconds
    for path in Path(folder).iterdir():
        os.utime(path, (then, then))


def test_folders_of_ended_runs_go_after_seven_days_or_when_the_limit_is_reached(
    door: ScriptedDoor, spool_dir: str
) -> None:
    def end_run() -> Path:
        with runseal.start_run("x", url=door.url, api_key=KEY, spool_dir=spool_dir, drain_s=10) as run:
            pass
        return Path(run.finish().folder or "")

    first, second = end_run(), end_run()
    _age(str(first), WEEK_S + 60)
    third = end_run()
    assert [folder.exists() for folder in (first, second, third)] == [False, True, True]
    with runseal.start_run(
        "x", url=door.url, api_key=KEY, spool_dir=spool_dir, spool_limit_bytes=4000, say=lambda line: None
    ) as run:
        for step in range(300):
            run.log_metrics({"loss": 1.0}, step)
    assert [folder.exists() for folder in (second, third)] == [False, False]


# A full disk: a small tmpfs where this user may mount one; a limit on the size of files everywhere.


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
