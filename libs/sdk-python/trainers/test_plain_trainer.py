"""Plain `transformers.Trainer` with the callback, to a real server: what is sealed, what the gates say, and that it verifies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from conftest import Ran, Server
from evidence import of_type, one_of, rows, sha256

Train = Callable[..., Ran]


def test_a_healthy_training_is_sealed_whole_judged_and_verifies(server: Server, train: Train) -> None:
    ran = train("plain_trainer.py", server=server)
    assert ran.code == 0, ran.said
    server.wait_for_state(ran.run, "finished")
    events = server.events(ran.run)

    assert [event["type"] for event in events[:2]] == ["run.started", "run.attempt-started"]
    attempt = events[1]["id"]
    assert one_of(events, "run.started")["payload"]["trainer"]["name"] == "transformers"
    assert events[1]["payload"] == {
        "resumes": None,
        "total_steps": 80,
        "total_epochs": 2,
        "processes": 1,
        "asserted": [],
    }
    parameters = one_of(events, "run.parameters-recorded")["payload"]["parameters"]
    expected = {
        "learning_rate": 0.01,
        "warmup_steps": 5,
        "lora_rank": 8,
        "peft.lora_alpha": 32,
        "model.hidden_size": 64,
    }
    assert expected.items() <= parameters.items()
    assert "runseal.masked" not in parameters

    # Every row that the trainer printed, and those after the end of training.
    assert [row["step"] for row in rows(events, "train")] == list(range(5, 81, 5))
    assert set(rows(events, "train")[0]["values"]) == {"loss", "grad_norm", "learning_rate"}
    assert [(row["step"], row["n"]) for row in rows(events, "eval")] == [(20, 0), (40, 0), (60, 0), (80, 0), (80, 1)]
    assert "train_runtime" in rows(events, "summary")[0]["values"]

    evaluated = [event["payload"] for event in of_type(events, "run.evaluated")]
    assert [one["row"]["n"] for one in evaluated] == [0, 0, 0, 0, 1]
    assert [one["after_training"] for one in evaluated] == [False] * 4 + [True]
    assert len({one["set"]["digest"] for one in evaluated}) == 1
    assert evaluated[0]["set"] | {"digest": "", "version": ""} == {
        **{"kind": "fixed", "name": "tasks_held_out", "split": None, "samples": 80},
        **{"digest": "", "version": ""},
    }

    saved = of_type(events, "run.checkpoint-saved")
    assert [event["payload"]["step"] for event in saved] == [20, 40, 60, 80]
    assert all(event["payload"]["digest"] for event in saved[2:])
    gone = of_type(events, "run.checkpoint-deleted")
    assert [event["payload"]["step"] for event in gone] == [20, 40]

    samples = of_type(events, "run.resources-sampled")[0]["payload"]["samples"]
    assert samples[0]["ram_total_bytes"] > samples[0]["ram_used_bytes"] > samples[0]["process_rss_bytes"] > 1e8
    assert samples[-1]["disk_free_bytes"] > 0
    assert 0 <= samples[-1]["cpu_percent"] <= 100

    ending = one_of(events, "run.finished")["payload"]
    assert (ending["completed_steps"], ending["total_steps"], ending["epochs_completed"]) == (80, 80, 2)
    assert ending["final_weights"] == {"attempt": attempt, "step": 80}
    _is_documented(server, ran, events)
    assert {name: gate["verdict"] for name, gate in server.verdict(ran.run).items()} == {
        "G1": "pass",
        "G2": "pass",
        "G3": "pass",
        "G4": "missing",
        "G5": "skipped",
        "G6": "pass",
    }
    verdict = server.verify()
    assert (verdict["verdict"], verdict["faults"]) == ("intact", [])


def _is_documented(server: Server, ran: Ran, events: list[dict[str, Any]]) -> None:
    """Inputs, outputs and environment are there, with the digests of what really lies there."""
    inputs = {
        (one["payload"]["kind"], one["payload"].get("role")): one["payload"]
        for one in of_type(events, "run.input-recorded")
    }
    assert inputs["base_model", None]["source"] == "made here"
    assert inputs["base_model", None]["path"].endswith("/assets/model")
    assert inputs["dataset", "train"]["path"].endswith("/data/tasks.json")
    assert inputs["dataset", "train"]["samples"] == 320
    assert inputs["config", None]["path"].endswith("plain_trainer.py")
    assert len(inputs["config", None]["git"]["commit"]) == 40
    outputs = [event["payload"] for event in of_type(events, "run.output-recorded")]
    weights = next(one for one in outputs if one["role"] == "weights")
    assert weights["digest"] == sha256(ran.output / "adapter_model.safetensors")
    assert (weights["type"], weights["tensors_finite"]) == ("lora", True)
    assert {one["role"] for one in outputs} == {"weights", "training_args", "tokenizer", "report", "other"}
    environment = one_of(events, "run.environment-recorded")["payload"]
    assert environment["seeds"] == {"seed": 7, "data_seed": 7, "numpy_seed": "derived"}
    assert environment["hardware"]["gpu_type"] == "cpu"
    assert environment["determinism"]["deterministic_algorithms"] is False
    assert {"python", "torch", "transformers", "peft"} <= set(environment["versions"])
    record = server.get(f"/v1/runs/{ran.run}/audit-record")
    assert record["input_artifacts"]["dataset"]["hash"] == inputs["dataset", "train"]["digest"]
    assert (
        json.loads(ran.printed.splitlines()[-1])["eval_loss"]
        == record["output_artifacts"]["metrics"]["final_eval_loss"]
    )
