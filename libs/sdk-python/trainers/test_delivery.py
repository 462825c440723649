"""Servers that are away and disks that are full, with the real trainer: the training goes on, and nothing accepted is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Ran, Server, environment
from evidence import of_type, one_of, rows
from waiting import wait_for

Train = Callable[..., Ran]
#: Rows that a training of the usual settings logs: train, eval, summary.
ROWS = 16 + 5 + 1


def test_without_a_server_from_the_start_all_is_spooled_and_sent_later(
    own_server: Server, train: Train, tmp_path: Path
) -> None:
    own_server.stop()
    ran = train("plain_trainer.py", server=own_server, RUNSEAL_DRAIN_S="1")
    assert ran.code == 0, ran.said
    assert f"to send them: runseal spool send {ran.spool}" in ran.said
    own_server.start()
    sent = subprocess.run(
        [sys.executable, "-m", "runseal", "spool", "send"],
        cwd=tmp_path,
        env=environment(tmp_path, own_server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    _is_whole(own_server, ran)


def test_a_server_that_dies_in_the_middle_and_comes_back_has_all_in_the_end(
    own_server: Server, train: Train, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train, "plain_trainer.py", {"pause_s": 0.1}, server=own_server)
        wait_for("the run is there", own_server.runs, 60)
        own_server.stop()
        assert not (tmp_path / "out" / "checkpoint-80").exists(), "the training was too quick for this"
        wait_for("training goes on", (tmp_path / "out" / "checkpoint-60").exists, 60)
        own_server.start()
        ran = training.result()
    assert ran.code == 0, ran.said
    _is_whole(own_server, ran)


def test_at_the_spools_limit_what_is_refused_is_counted_and_the_run_still_ends(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", {"spool_limit": 20_000}, server=server)
    assert ran.code == 0, ran.said
    _ends_with_all_accounted_for(server, ran)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 32 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.name == "posix" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_the_training_goes_on_and_the_run_still_ends(
    server: Server, train: Train, small_disk: Path
) -> None:
    ran = train("plain_trainer.py", server=server, RUNSEAL_SPOOL_DIR=str(small_disk))
    assert ran.code == 0, ran.said
    assert "No space left" in ran.said
    _ends_with_all_accounted_for(server, ran)


def _is_whole(server: Server, ran: Ran) -> None:
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    assert [len(rows(events, kind)) for kind in ("train", "eval", "summary")] == [16, 5, 1]
    assert not of_type(events, "run.events-dropped")
    assert server.verdict(ran.run)["G6"]["verdict"] == "pass"
    assert server.verify()["verdict"] == "intact"


def _ends_with_all_accounted_for(server: Server, ran: Ran) -> None:
    """Every row is sealed or declared as refused; nothing of the run's life is missing."""
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    refused = [
        one["count"]
        for event in of_type(events, "run.events-dropped")
        for one in event["payload"]["not_accepted"]
        if one["class"] == "metrics"
    ]
    assert sum(len(rows(events, kind)) for kind in ("train", "eval", "summary")) + sum(refused) == ROWS
    (producer,) = one_of(events, "run.finished")["payload"]["producers"]
    artifacts = server.get("/v1/records?type=artifact.registered&limit=500")["items"]
    assert producer["count"] > len(events) - 1 > 20
    assert artifacts
    assert [one["payload"]["step"] for one in of_type(events, "run.checkpoint-saved")] == [20, 40, 60, 80]
    assert server.verify()["verdict"] == "intact"
