"""Other ways in than one process with a callback: `report_to`, and several processes."""

from __future__ import annotations

from collections.abc import Callable

from conftest import Ran, Server
from evidence import one_of, rows

Train = Callable[..., Ran]


def test_report_to_runseal_records_without_a_callback_of_ones_own(server: Server, train: Train) -> None:
    ran = train(
        "plain_trainer.py", {"callback": False, "report_to": ["runseal"]}, server=server, RUNSEAL_EXPERIMENT="by name"
    )
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    assert one_of(events, "run.started")["payload"]["experiment"] == "by name"
    assert len(rows(events, "train")) == 16


def test_a_callback_beside_report_to_records_one_run(server: Server, train: Train) -> None:
    before = len(server.runs())
    ran = train("plain_trainer.py", {"report_to": ["runseal"], "register": True}, server=server)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    assert len(server.runs()) == before + 1
    assert len(rows(server.events(ran.run), "train")) == 16


def test_of_two_processes_only_the_first_one_records(server: Server, train: Train) -> None:
    before = len(server.runs())
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    ran = train("plain_trainer.py", server=server, launcher=launcher)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    assert len(server.runs()) == before + 1
    events = server.events(ran.run)
    assert one_of(events, "run.attempt-started")["payload"]["processes"] == 2
    # 320 rows in batches of 8 on two processes, twice.
    assert [row["step"] for row in rows(events, "train")] == list(range(5, 41, 5))
    environment = one_of(events, "run.environment-recorded")["payload"]
    assert environment["hardware"]["hosts"] == 1
    assert server.verdict(ran.run)["G6"]["verdict"] == "pass"
    assert server.verify()["verdict"] == "intact"
