"""Trainings that go wrong, with the real trainer: what is sealed of them, and what the gates say."""

from __future__ import annotations

from collections.abc import Callable

from conftest import Ran, Server
from evidence import of_type, one_of, rows

Train = Callable[..., Ran]


def test_a_crash_by_an_exception_fails_the_run_and_a_resumed_process_goes_on_with_it(
    server: Server, train: Train
) -> None:
    crashed = train("plain_trainer.py", {"crash_at": 50}, server=server)
    assert crashed.code == 1
    assert "RuntimeError: the machine room is on fire" in crashed.said
    server.wait_for_state(crashed.run, "failed")
    ending = one_of(server.events(crashed.run), "run.failed")["payload"]
    assert ending["error"] == {"type": "RuntimeError", "message": "the machine room is on fire"}
    assert (ending["completed_steps"], ending["total_steps"], ending["final_weights"]) == (50, 80, None)

    resumed = train("plain_trainer.py", {"resume": True}, server=server)
    assert resumed.code == 0, resumed.said
    assert resumed.run == crashed.run
    server.wait_for_state(resumed.run, "finished")
    events = server.events(resumed.run)
    first, second = of_type(events, "run.attempt-started")
    assert second["payload"]["resumes"] == {"attempt": first["id"], "step": 40}
    assert len(of_type(events, "run.started")) == 1
    steps = {
        attempt["id"]: [row["step"] for row in rows(events, "train", attempt["id"])] for attempt in (first, second)
    }
    assert steps == {first["id"]: list(range(5, 51, 5)), second["id"]: list(range(45, 81, 5))}
    finished = one_of(events, "run.finished")["payload"]
    assert finished["final_weights"] == {"attempt": second["id"], "step": 80}
    assert finished["active_seconds"] > ending["active_seconds"]
    # Checkpoints of the first attempt that the second one's rotation took.
    assert [one["payload"]["step"] for one in of_type(events, "run.checkpoint-deleted")] == [20, 40]
    assert server.verdict(resumed.run)["G1"]["verdict"] == "pass"
    assert server.verify()["verdict"] == "intact"


def test_a_training_that_is_begun_anew_in_the_same_folder_is_another_run(server: Server, train: Train) -> None:
    first = train("plain_trainer.py", {"max_steps": 5}, server=server).run
    second = train("plain_trainer.py", {"max_steps": 5}, server=server).run
    assert first != second
    assert one_of(server.events(second), "run.attempt-started")["payload"]["resumes"] is None


def test_a_process_that_gives_up_by_itself_before_the_end_has_failed(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", {"exit_at": 30}, server=server)
    assert ran.code == 3
    server.wait_for_state(ran.run, "failed")
    error = one_of(server.events(ran.run), "run.failed")["payload"]["error"]
    assert error == {"type": None, "message": "the process ended before the training did"}


def test_a_poisoned_training_is_caught_although_the_trainer_hides_it(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", {"nan_at": 30}, server=server)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    filtered = one_of(events, "run.annotated")["payload"]
    assert (filtered["name"], filtered["value"]) == ("nan_inf_filter", True)
    late = [row["values"] for row in rows(events, "train") if row["step"] > 35]
    assert {values["loss"] for values in late} == {0.0}
    assert {values["grad_norm"] for values in late} == {"NaN"}
    assert rows(events, "eval")[-1]["values"]["eval_loss"] == "NaN"
    weights = [one["payload"] for one in of_type(events, "run.output-recorded") if one["payload"]["role"] == "weights"]
    assert [one["tensors_finite"] for one in weights] == [False]
    gates = server.verdict(ran.run)
    assert (gates["G1"]["verdict"], gates["G1"]["severity"]) == ("fail", "block")
    assert gates["G2"]["verdict"] == "fail"


def test_the_filter_is_switched_off_where_that_is_asked_for(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", {"nan_at": 30}, server=server, RUNSEAL_RAW_LOSS="1")
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    told = [(one["payload"]["name"], one["payload"]["value"]) for one in of_type(events, "run.annotated")]
    assert told == [("nan_inf_filter", True), ("raw_loss", True)]
    assert {row["values"]["loss"] for row in rows(events, "train") if row["step"] > 35} == {"NaN"}


#: The whole model on few riddles: it learns them by heart, and gets worse at those that it has not seen.
BY_HEART = {
    "lora": False,
    "train": "riddles",
    "held_out": "riddles_held_out",
    "num_train_epochs": 30,
    "eval_steps": 15,
    "save_steps": 15,
    "learning_rate": 5e-3,
}


def test_an_overfitting_training_is_seen_by_its_gate(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", BY_HEART, server=server)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    losses = [row["values"]["eval_loss"] for row in rows(events, "eval")]
    assert losses[-1] > 1.1 * min(losses)
    gates = server.verdict(ran.run)
    assert [gates[name]["verdict"] for name in ("G1", "G2", "G3")] == ["pass", "pass", "fail"]
    weights = [one["payload"] for one in of_type(events, "run.output-recorded") if one["payload"]["role"] == "weights"]
    assert [(one["type"], one["tensors_finite"]) for one in weights] == [("full", True)]


def test_with_the_best_model_loaded_at_the_end_the_final_weights_are_those_of_the_best_checkpoint(
    server: Server, train: Train
) -> None:
    best = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}
    ran = train("plain_trainer.py", {**BY_HEART, **best}, server=server)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)
    losses = [(row["values"]["eval_loss"], row["step"]) for row in rows(events, "eval") if row["n"] == 0]
    step = min(losses)[1]
    assert step < 150
    ending = one_of(events, "run.finished")["payload"]
    assert ending["final_weights"]["step"] == step
    assert ending["best_checkpoint"]["step"] == step
    assert ending["best_checkpoint"]["path"].endswith(f"checkpoint-{step}")
    last = of_type(events, "run.evaluated")[-1]["payload"]
    assert (last["weights"]["step"], last["row"]["step"], last["after_training"]) == (step, 150, True)
