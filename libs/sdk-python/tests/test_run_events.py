"""What a run records of what it is told: rows, parameters, secrets, and what no caller can break."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from scripted_door import ScriptedDoor
from starting import start
from waiting import wait_for

from runseal.events.event import find_invalid


class Hostile:
    def __getattr__(self, name: str) -> None:
        raise RuntimeError(f"no {name}")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Explosive(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise ZeroDivisionError


def test_nothing_ever_raises_into_the_caller_and_the_rest_is_recorded(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(door, spool_dir, said)
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    anything: list[Any] = [None, 1, "x", [], Hostile(), Explosive(a=1), {1: 2}, {"a": Hostile()}, {"a": object()}, deep]
    for value in anything:
        run.log_metrics(value, 1)
        run.log_metrics({"loss": value}, value)
        run.log_metrics({"loss": 1.0}, 1, kind=value, epoch=value, at=value)
        run.log_input(value)
        run.log_input("dataset", role=value, path=value, hash=True)
        run.log_output(value, files=value)
        run.log_environment(versions=value)
        run.save_checkpoint(value)
        run.evaluate(value, metrics=value)
        run.record(value, value)
        run.record("no.such-type", {})
        run.record("run.parameters-recorded", {"parameters": value})
    run.fail(Hostile(), exit_code=Hostile(), completed_steps=-5, invented=1)  # type: ignore[arg-type,call-arg]
    assert door.types[:2] == ["run.started", "run.attempt-started"]
    assert door.types[-1] == "run.failed"
    assert [find_invalid(event) for event in door.sealed] == [None] * len(door.sealed)
    assert door.sealed[-1]["payload"]["producers"][0]["count"] == len(door.sealed)
    run.log_metrics({"loss": 1.0}, 2)
    assert "run has ended" in said[-1]
    assert len([line for line in said if line.startswith("no.such-type")]) == 1
    assert len(os.listdir(os.path.join(spool_dir, "refused"))) > 2


def test_rows_are_what_was_logged_and_what_is_no_number_is_left_out(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    class Tensor:
        def __init__(self, value: float) -> None:
            self.value = value

        def __float__(self) -> float:
            return self.value

    run = start(door, spool_dir, said)
    tensor = Tensor(0.25)
    values = {
        "a": tensor,
        "b": 2**60,
        "c": True,
        "d": "NaN",
        "e": "high",
        "f": -float("inf"),
        "bad\nname": 1.0,
        "g": None,
    }
    run.log_metrics(values, 1)
    values["a"], tensor.value = 0, 9.0
    run.log_metrics({"loss": 1}, 1)
    run.log_metrics({"eval_loss": 1}, 1, kind="eval", epoch=0.5, at=None)
    run.log_metrics({"train_loss": 1}, kind="summary", at="2026-01-26T10:30:00+02:00")
    run.log_metrics({"x": 1}, step=None)
    run.log_metrics({"x": 1}, 1, kind="trial")
    run.log_metrics({"x": 1.5}, 2.5)
    run.finish()
    rows = [(row["kind"], row["step"], row["n"], row["epoch"], row["values"]) for row in door.rows]
    assert rows == [
        ("train", 1, 0, None, {"a": 0.25, "b": float(2**60), "d": "NaN", "f": "-Infinity"}),
        ("train", 1, 1, None, {"loss": 1}),
        ("eval", 1, 0, 0.5, {"eval_loss": 1}),
        ("summary", None, 0, None, {"train_loss": 1}),
        ("train", 2.5, 0, None, {"x": 1.5}),
    ]
    assert door.rows[2]["at"] is None
    assert door.rows[3]["at"] == "2026-01-26T10:30:00+02:00"
    assert (
        abs(time.time() - time.mktime(time.strptime(door.rows[0]["at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
    )
    assert len(said) == 1


def test_parameters_become_a_flat_map_and_a_long_text_its_digest(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(door, spool_dir, said)
    parameters: dict[Any, Any] = {
        "path": Path("/a/b"),
        "none": None,
        "nan": float("nan"),
        "seed": 2**63,
        "nested": {"deep": {"er": [1, None, "x"]}, "empty": {}},
        "mixed": [{"a": 1}],
        "template": "t" * 20_000,
        3: "three",
    }
    run.log_parameters(parameters)
    parameters["path"] = "changed later"
    run.log_parameters({f"p{index}": index for index in range(2500)})
    run.finish()
    events = door.of_type("run.parameters-recorded")
    flat = events[0]["payload"]["parameters"]
    assert flat.pop("template").startswith("sha256:")
    assert flat == {
        "path": "/a/b",
        "none": None,
        "nan": "NaN",
        "seed": str(2**63),
        "nested.deep.er": [1, None, "x"],
        "nested.empty": "{}",
        "mixed": '[{"a": 1}]',
        "3": "three",
    }
    assert [len(event["payload"]["parameters"]) for event in events[1:]] == [1000, 1000, 500]


def test_secrets_are_masked_before_anything_is_written_and_listed(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    secret = "hf_" + "a1B2" * 10
    run = start(door, spool_dir, said, tags={"api_key": "open sesame", "note": f"with {secret}"})
    run.log_parameters({"hub_token": secret, "pad_token": "<pad>", "hub": {"password": "pw-of-mine"}, "lr": 1e-4})
    run.log_environment(variables={"WANDB_API_KEY": "wandb-of-mine", "HOME": "/root"})
    run.record("no.such-type", {"secret": "kept-aside-but-masked"})
    run.fail(RuntimeError(f"401 for https://me:pw-of-mine@hub/?token={secret}"))
    texts = json.dumps(door.sealed) + "".join(said)
    for folder, _, names in os.walk(spool_dir):
        texts += "".join((Path(folder) / name).read_bytes().decode("latin-1") for name in names)
    for word in (secret, "open sesame", "pw-of-mine", "wandb-of-mine", "kept-aside-but-masked"):
        assert word not in texts
    parameters = door.of_type("run.parameters-recorded")[0]["payload"]["parameters"]
    assert parameters == {
        "hub_token": "[masked]",
        "pad_token": "<pad>",
        "hub.password": "[masked]",
        "lr": 1e-4,
        "runseal.masked": ["hub_token", "hub.password"],
    }
    assert "run.started /payload/tags/api_key" in run.masked
    assert "run.environment-recorded /payload/variables/WANDB_API_KEY" in run.masked
    assert "run.failed /payload/error/message" in run.masked


def test_two_hundred_points_make_an_event_and_less_goes_out_after_five_seconds(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(door, spool_dir, said)
    for step in range(450):
        run.log_metrics({"loss": 1.0}, step)

    def rows_of_events() -> list[int]:
        return [len(event["payload"]["rows"]) for event in door.of_type("run.metrics-logged")]

    wait_for("all rows", lambda: sum(rows_of_events()) == 450, 10)
    assert all(count <= 200 for count in rows_of_events())
    assert len(rows_of_events()) <= 4
    assert [row["step"] for row in door.rows] == list(range(450))
    run.finish()
