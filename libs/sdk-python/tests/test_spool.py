"""None"""

from __future__ import annotations

import json
import os
import stat
import struct
import time
import zlib
from pathlib import Path

from scripted_door import ScriptedDoor
from spools import KEY, draft, open_spool, stored

import runseal
from runseal.receipt import Receipt
from runseal.spool.layout import ack_file, list_segments
from runseal.spool.outbox import Outbox, Refused
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
