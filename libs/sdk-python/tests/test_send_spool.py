from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Callable

import pytest
from scripted_door import ScriptedDoor, answer, problem
from spools import KEY, config, disown, draft, open_spool

from runseal.cli import main
from runseal.commands.spool import read_since
from runseal.delivery.send_spool import FolderResult, send_spool
from runseal.receipt import Receipt
from runseal.spool.spool import Spool

WEEK_S = 7 * 24 * 3600


def leave(root: str, url: str, *names: str) -> tuple[Spool, list[str]]:
    """A folder of a process that died."""
    spool = open_spool(root, url=url)
    drafts = [draft(name=name) for name in names]
    for one in drafts:
        spool.accept(one, "permanent")
    disown(spool)
    return spool, [one.id for one in drafts]


def send(root: str, door: ScriptedDoor, drain_s: float = 20.0) -> list[FolderResult]:
    return send_spool(config(root, door.url, drain_s=drain_s))


def test_a_torn_entry_is_cut_off_counted_and_everything_before_it_delivered(door: ScriptedDoor, spool_dir: str) -> None:
    spool, ids = leave(spool_dir, door.url, "a", "b", "c")
    segment = Path(spool.folder) / "0.seg"
    os.truncate(segment, segment.stat().st_size - 5)
    (result,) = send(spool_dir, door)
    assert (result.outcome, result.delivered, result.torn, result.pending) == ("delivered", 2, 1, 0)
    assert door.ids == ids[:2]
    assert (Path(spool.folder) / "0.seg.torn").stat().st_size > 100
    (again,) = send(spool_dir, door)
    assert (again.torn, again.delivered) == (0, 0)
    assert (Path(spool.folder) / "done").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-20] + b"A" * 20,
        lambda data: data + bytes(4096),
        lambda data: data + bytes.fromhex("ffffffff00000000"),
    ],
    ids=["a damaged body", "a tail of zeros", "a length beyond the end"],
)
def test_gets_over_a_damaged_end(damage: Callable[[bytes], bytes], door: ScriptedDoor, spool_dir: str) -> None:
    spool, ids = leave(spool_dir, door.url, "a", "b")
    segment = Path(spool.folder) / "0.seg"
    segment.write_bytes(damage(segment.read_bytes()))
    (result,) = send(spool_dir, door)
    assert (result.outcome, result.torn, result.pending) == ("delivered", 1, 0)
    assert door.ids == ids[: len(door.ids)]
    assert door.ids


def test_a_folder_recorded_without_a_server_is_bound_to_the_one_given_and_to_that_only(
    door: ScriptedDoor, spool_dir: str
) -> None:
    spool = open_spool(spool_dir, url=None)
    spool.accept(draft(), "permanent")
    disown(spool)
    assert [one.delivered for one in send(spool_dir, door)] == [1]
    other = send_spool(config(spool_dir, "http://other"))
    assert [(one.outcome, one.detail) for one in other] == [("other_url", door.url)]
    meta = json.loads((Path(spool.folder) / "meta.json").read_text())
    assert meta == {"url": door.url, "ledger": "default", "format": 1}


def test_a_poison_event_is_set_aside_and_declared_with_the_dead_producers_next_counter(
    door: ScriptedDoor, spool_dir: str
) -> None:
    _, ids = leave(spool_dir, door.url, "a", "poison", "c")
    door.faults.append(problem(400, "secret_detected", errors=[{"index": 1}]))
    (result,) = send(spool_dir, door)
    assert (result.outcome, result.set_aside, result.pending) == ("delivered", 1, 0)
    assert door.ids[:2] == [ids[0], ids[2]]
    declared = door.sealed[2]
    assert (declared["type"], declared["producer"]["seq"]) == ("run.events-dropped", 3)
    assert declared["payload"]["set_aside"][0]["id"] == ids[1]
    assert declared["payload"]["set_aside"][0]["producer"]["seq"] == 1
    assert (Path(spool_dir) / "refused" / f"{ids[1]}.json").exists()


def test_a_refused_key_keeps_everything(door: ScriptedDoor, spool_dir: str) -> None:
    leave(spool_dir, door.url, "a")
    door.always = problem(401, "unauthenticated")
    assert [(one.outcome, one.pending) for one in send(spool_dir, door)] == [("held", 1)]
    door.always = None
    assert [(one.outcome, one.pending) for one in send(spool_dir, door)] == [("delivered", 0)]


def test_a_folder_goes_seven_days_after_its_last_receipt(door: ScriptedDoor, spool_dir: str) -> None:
    spool, _ = leave(spool_dir, door.url, "a")
    send(spool_dir, door)
    for age_s, outcome in ((WEEK_S - 60, "delivered"), (WEEK_S + 60, "deleted")):
        then = time.time() - age_s
        for path in Path(spool.folder).iterdir():
            os.utime(path, (then, then))
        assert [one.outcome for one in send(spool_dir, door)] == [outcome]
    assert not os.path.exists(spool.folder)


def test_a_server_that_is_away_is_tried_once_and_all_that_waits_is_counted(door: ScriptedDoor, spool_dir: str) -> None:
    for name in "abc":
        leave(spool_dir, door.url, name)
    door.always = answer(503)
    results = send(spool_dir, door, drain_s=0)
    assert [(one.outcome, one.pending) for one in results] == [("waiting", 1)] * 3
    assert len(door.requests) == 1


def test_a_folder_that_cannot_be_read_does_not_stop_the_others(door: ScriptedDoor, spool_dir: str) -> None:
    broken, _ = leave(spool_dir, door.url, "a")
    leave(spool_dir, door.url, "b")
    (Path(broken.folder) / "meta.json").write_text('{"format": 2}')
    outcomes = {one.producer: one.outcome for one in send(spool_dir, door)}
    assert outcomes.pop(os.path.basename(broken.folder)) == "unreadable"
    assert list(outcomes.values()) == ["delivered"]
    assert len(door.sealed) == 1


# The command.


def test_spool_send_says_what_became_of_each_folder(
    door: ScriptedDoor, spool_dir: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(spool_dir, door.url, "a", "b")
    monkeypatch.setenv("RUNSEAL_URL", door.url)
    monkeypatch.setenv("RUNSEAL_API_KEY", KEY)
    monkeypatch.setenv("RUNSEAL_SPOOL_DIR", spool_dir)
    assert main(["spool", "send", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["delivered"], answer["pending"], answer["set_aside"], answer["torn"]) == (2, 0, 0, 0)
    assert [one["outcome"] for one in answer["folders"]] == ["delivered"]
    assert main(["--json", "spool", "send", spool_dir]) == 0
    assert json.loads(capsys.readouterr().out)["delivered"] == 0
    assert main(["spool", "send"]) == 0
    assert "delivered" in capsys.readouterr().out


def test_spool_send_ends_with_1_where_something_was_refused_and_2_where_something_waits(
    door: ScriptedDoor, spool_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(spool_dir, door.url, "a")
    monkeypatch.setenv("RUNSEAL_DRAIN_S", "0")
    arguments = ["--url", door.url, "--key", KEY, "spool", "send", spool_dir]
    door.always = answer(503)
    assert main(arguments) == 2
    door.always = problem(403, "forbidden_stream")
    assert main(arguments) == 2
    door.always = None
    door.faults.append(problem(400, "invalid_payload"))
    assert main(arguments) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["spool", "send"], "url and api_key are wanted"),
        (["spool", "send", "--url", "ftp://x", "--key", "k"], "no http or https address"),
        (["spool", "resend"], "--since"),
        (["spool", "resend", "--since", "yesterday", "--url", "http://x", "--key", "k"], "yesterday"),
        (["spool"], "action"),
        (["nonsense"], "nonsense"),
        ([], "command"),
        (["verify", "--json"], "npx runseal verify"),
        (["--json", "audit-record", "x"], "npx runseal audit-record"),
    ],
)
def test_wrong_arguments_are_2_and_say_what_to_do(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_help_and_version_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main(["--help"]), main(["--version"]), main(["spool", "send", "--help"])] == [0, 0, 0]
    assert "runseal spool send" in capsys.readouterr().out


def test_the_key_of_the_folders_credentials_goes_to_their_own_server_only(
    door: ScriptedDoor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / ".runseal"
    place.mkdir()
    (place / "credentials.json").write_text(json.dumps({"url": door.url, "api_key": "rsk_of_the_file"}))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    spool_dir = str(tmp_path / "spool")
    leave(spool_dir, door.url, "a")
    assert main(["spool", "send", spool_dir]) == 0
    assert door.requests[0].authorization == "Bearer rsk_of_the_file"
    assert main(["spool", "send", spool_dir, "--url", "http://127.0.0.1:9"]) == 2
    assert "api_key" in capsys.readouterr().err


def test_resend_sends_acknowledged_events_again_and_what_the_server_has_is_not_sealed_twice(
    door: ScriptedDoor, spool_dir: str
) -> None:
    _, ids = leave(spool_dir, door.url, "a", "b", "c")
    arguments = ["--url", door.url, "--key", KEY, "spool"]
    assert main([*arguments, "send", spool_dir]) == 0
    door.restore(1)
    assert main([*arguments, "resend", "--since", "1/1", spool_dir]) == 0
    assert door.ids == ids
    assert door.duplicates == 0
    assert main([*arguments, "resend", "--since", "1h", spool_dir]) == 0
    assert (door.ids, door.duplicates) == (ids, 3)
    assert main([*arguments, "resend", "--since", "2999-01-01", spool_dir]) == 0
    assert door.duplicates == 3


def test_since_is_an_age_a_time_or_a_position() -> None:
    def receipt(epoch: int, seq: int, sealed_at: str) -> Receipt:
        return Receipt(id="", ledger="", epoch=epoch, seq=seq, hash="", sealed_at=sealed_at, duplicate=False)

    early, late = receipt(0, 5, "2026-01-26T10:29:59.999Z"), receipt(0, 9, "2026-01-26T10:30:00.000Z")
    now = 1769423400.0 + 3600  # 2026-01-26T11:30:00Z
    for text in ("1h", "60m", "2026-01-26T10:30:00Z", "2026-01-26T11:30:00+01:00", "2026-01-26T10:30:00", "1/9"):
        is_lost = read_since(text, now)
        assert [is_lost(early), is_lost(late)] == [False, True], text
    assert not read_since("1/9", now)(receipt(1, 9, ""))
