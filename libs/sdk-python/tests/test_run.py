from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Optional

import pytest
from jsonschema import Draft202012Validator
from places import SCHEMAS
from scripted_door import Exchange, Json, ScriptedDoor, answer, problem, reset, reset_after_commit, silence
from spools import KEY, spooled
from waiting import wait_for

import runseal
from runseal.events.event import find_invalid


def start(door: Optional[ScriptedDoor], spool_dir: str, said: list[str], **options: Any) -> runseal.Run:
    given = {"api_key": KEY, "spool_dir": spool_dir, "drain_s": 15, "say": said.append, **options}
    if door is not None:
        given["url"] = given.get("url", door.url)
    return runseal.start_run(given.pop("experiment", "demo"), **given)


def check_against_published_schemas(events: list[Json]) -> None:
    shell = Draft202012Validator(json.loads((SCHEMAS / "event.json").read_text()))
    for event in events:
        shell.validate(event)
        schema = SCHEMAS / f"{event['type']}.v{event['version']}.json"
        Draft202012Validator(json.loads(schema.read_text())).validate(event["payload"])


def test_a_whole_run_is_sealed_in_order_counted_without_a_hole_the_end_telling_the_count(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(
        door, spool_dir, said, name="first", target_model="m", tags={"team": "a"}, total_steps=20, tasks=("qa",)
    )
    run.log_parameters({"lr": 1e-4, "lora": {"rank": 8}, "modules": ("q", "v")})
    run.log_environment(versions={"python": "3.13"}, hardware={"gpu_type": "cpu", "gpu_count": 0})
    run.log_input("base_model", source="hub/model", revision="a" * 40)
    run.log_input("dataset", role="train", name="tickets", samples=10)
    run.log_input("config", git={"repository": None, "commit": "c" * 40, "dirty": False})
    run.log_input("other", role="template", path="x")
    run.log_metrics({"loss": 2.1, "grad_norm": float("nan")}, 10)
    run.save_checkpoint(10, path="/out/checkpoint-10")
    scale = {"from": 0, "to": 1}
    metric = {"name": "f1", "value": float("inf"), "scale": scale, "standard_error": None}
    run.evaluate({"kind": "fixed", "name": "held-out"}, metrics=[metric])
    run.log_output("weights", path="/out", digest="sha256:" + "b" * 64)
    delivery = run.finish(completed_steps=10, final_weights={"attempt": run.attempt, "step": 10})
    assert delivery[:3] == (True, 0, 0)
    assert str(delivery.folder).startswith(spool_dir)

    assert door.types == [
        "run.started",
        "run.attempt-started",
        "run.parameters-recorded",
        "run.environment-recorded",
        *["run.input-recorded"] * 4,
        "run.metrics-logged",
        "run.checkpoint-saved",
        "run.evaluated",
        "run.output-recorded",
        "artifact.registered",
        "run.finished",
    ]
    check_against_published_schemas(door.sealed)
    assert [event["producer"]["seq"] for event in door.sealed] == list(range(14))
    end = door.sealed[-1]["payload"]
    assert end["producers"] == [{"id": door.sealed[0]["producer"]["id"], "count": 14}]
    assert (end["completed_steps"], end["final_weights"]["step"], end["attempt"]) == (10, 10, run.attempt)
    assert (door.sealed[1]["id"], door.sealed[1]["stream"]) == (run.attempt, f"run/{run.id}")
    assert door.sealed[2]["payload"]["parameters"] == {"lr": 1e-4, "modules": ["q", "v"], "lora.rank": 8}
    assert door.rows[0]["values"] == {"loss": 2.1, "grad_norm": "NaN"}
    assert (door.rows[0]["kind"], door.rows[0]["step"], door.rows[0]["n"]) == ("train", 10, 0)
    assert door.of_type("run.evaluated")[0]["payload"]["metrics"][0]["value"] == "Infinity"
    assert said == []


def test_the_key_is_a_bearer_the_last_receipt_is_known_and_the_key_is_written_nowhere(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    receipts: list[str] = []
    run = start(door, spool_dir, said, on_receipts=lambda some: receipts.extend(one["id"] for one in some))
    run.flush()
    run.log_metrics({"loss": 1.0}, 1)
    run.finish()
    assert door.requests[0].authorization == f"Bearer {KEY}"
    assert door.requests[0].known is None
    known = door.requests[-1].known
    assert known is not None
    assert known["epoch"] == 0
    assert receipts == door.ids
    for folder, _, names in os.walk(spool_dir):
        for name in names:
            assert KEY.encode() not in (Path(folder) / name).read_bytes()


def test_wrong_arguments_are_refused_all_at_once_without_the_key(spool_dir: str, said: list[str]) -> None:
    with pytest.raises(runseal.ConfigError) as caught:
        start(
            None,
            spool_dir,
            said,
            url="ftp://x",
            api_key="two words",
            run_id="mine",
            drain_s=-1,
            ca_file="/nowhere",
            typo=1,
        )
    assert len(caught.value.faults) == 6
    assert "two words" not in str(caught.value)
    wrong: list[tuple[Json, str]] = [
        ({"url": "http://me:pass@host/"}, "credentials"),
        ({"experiment": "x\0y"}, "experiment"),
        ({"experiment": "\ud800"}, "JSON"),
        ({"experiment": ""}, "RUNSEAL_EXPERIMENT"),
        ({"trainer": {"name": "x"}}, "trainer"),
    ]
    for options, says in wrong:
        with pytest.raises(runseal.ConfigError, match=says):
            start(None, spool_dir, said, **options)
    assert not os.path.exists(spool_dir)


def test_settings_come_from_the_environment_where_no_argument_says_otherwise(
    door: ScriptedDoor, spool_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "RUNSEAL_URL": f"{door.url}/",
        "RUNSEAL_API_KEY": KEY,
        "RUNSEAL_EXPERIMENT": "from the environment",
        "RUNSEAL_SPOOL_DIR": spool_dir,
        "RUNSEAL_DRAIN_S": "7",
    }.items():
        monkeypatch.setenv(name, value)
    assert runseal.start_run().finish().complete
    assert door.sealed[0]["payload"]["experiment"] == "from the environment"


def test_a_server_that_is_away_is_said_once_and_everything_is_kept(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(None, spool_dir, said, url="http://127.0.0.1:9", drain_s=0.3)
    run.log_metrics({"loss": 1.0}, 1)
    delivery = run.finish()
    assert (delivery.complete, delivery.spooled) == (False, 4)
    assert len(said) == 2
    assert "refused" in said[0]
    assert "4 events are still spooled" in said[1]
    assert f"runseal spool send {spool_dir}" in said[1]


@pytest.mark.parametrize("missing", ["RUNSEAL_URL", "RUNSEAL_API_KEY"])
def test_without_address_or_key_the_spool_is_all_and_one_line_says_so(
    missing: str, spool_dir: str, said: list[str], door: ScriptedDoor
) -> None:
    options: dict[str, Any] = {
        "url": door.url,
        "api_key": KEY,
        "spool_dir": spool_dir,
        "say": said.append,
        "drain_s": 5,
    }
    del options["url" if missing == "RUNSEAL_URL" else "api_key"]
    began = time.monotonic()
    run = runseal.start_run("x", **options)
    assert (run.finish().complete, run.finish().spooled) == (False, 3)
    assert time.monotonic() - began < 3
    assert len(said) == 1
    assert f"no {missing}" in said[0]
    assert "runseal spool send" in said[0]
    assert door.requests == []


def test_attaches_to_a_run_with_an_attempt_of_its_own(door: ScriptedDoor, spool_dir: str, said: list[str]) -> None:
    run_id = "01936b6e-1111-7000-8000-000000000000"
    run = start(door, spool_dir, said, experiment=None, run_id=run_id, resumes={"attempt": None, "step": 300})
    run.finish()
    assert door.types == ["run.attempt-started", "run.finished"]
    assert door.sealed[0]["stream"] == f"run/{run_id}"
    assert door.sealed[0]["payload"]["resumes"] == {"attempt": None, "step": 300}


@pytest.mark.parametrize("way", ["rank", "RANK", "RUNSEAL_DISABLED"])
def test_other_ranks_and_a_disabled_client_do_nothing_at_all(
    way: str, door: ScriptedDoor, spool_dir: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way != "rank":
        monkeypatch.setenv(way, "1")
    run = start(
        door, spool_dir, said, experiment=None if way == "RUNSEAL_DISABLED" else "x", rank=1 if way == "rank" else None
    )
    with run:
        run.log_metrics({"loss": 1.0}, 1)
        run.log_parameters({"a": 1})
        assert run.record("run.parameters-recorded", {}) is None
        assert run.flush() == (True, 0, 0, None)
    assert run.finish() == (True, 0, 0, None)
    assert door.requests == []
    assert said == []
    assert not os.path.exists(spool_dir)


def test_rank_zero_of_several_records(
    door: ScriptedDoor, spool_dir: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert start(door, spool_dir, said).finish().complete
    assert len(door.sealed) == 3


@pytest.mark.parametrize(
    ("error", "event_type", "payload"),
    [
        (None, "run.finished", {}),
        (SystemExit(0), "run.finished", {}),
        (SystemExit(3), "run.failed", {"exit_code": 3, "error": {"type": "SystemExit", "message": "3"}}),
        (
            MemoryError("out of\0 memory \ud800"),
            "run.failed",
            {"error": {"type": "MemoryError", "message": "out of memory ?"}, "exit_code": None},
        ),
        (
            KeyboardInterrupt(),
            "run.failed",
            {"signal": "SIGINT", "error": {"type": "KeyboardInterrupt", "message": None}},
        ),
    ],
)
def test_a_block_ends_the_run_as_it_ended_itself(
    error: Optional[BaseException], event_type: str, payload: Json, door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    def block() -> None:
        with start(door, spool_dir, said):
            if error is not None:
                raise error

    if error is None:
        block()
    else:
        with pytest.raises(type(error)) as caught:
            block()
        assert caught.value is error
    assert door.types[-1] == event_type
    assert payload.items() <= door.sealed[-1]["payload"].items()
    assert door.types.count(event_type) == 1


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


def test_goes_on_after_faults_and_a_retry_after_which_it_honours(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.faults += [answer(500), reset, problem(503, "unavailable"), answer(429, retry_after="2"), reset_after_commit]
    began = time.monotonic()
    run = start(door, spool_dir, said, drain_s=40)
    assert run.finish().complete
    assert time.monotonic() - began > 2
    assert door.types == ["run.started", "run.attempt-started", "run.finished"]
    assert len(said) == 1


def test_the_end_returns_at_its_deadline_when_the_server_hangs(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.always = silence
    run = start(door, spool_dir, said, drain_s=0.5)
    began = time.monotonic()
    delivery = run.finish()
    assert (delivery.complete, delivery.spooled) == (False, 3)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("trouble", [problem(401, "unauthenticated"), problem(409, "ledger_rewound")])
def test_what_only_a_person_can_help_keeps_everything_and_waits_for_nobody(
    trouble: Any, door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    door.always = trouble
    run = start(door, spool_dir, said, drain_s=30)
    began = time.monotonic()
    assert not run.finish().complete
    assert time.monotonic() - began < 10
    assert len(said) == 2
    assert len(spooled(spool_dir)) == 3


def test_an_event_that_is_refused_for_itself_is_set_aside_and_declared(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    def refuse_poison(exchange: Exchange) -> None:
        guilty = [{"index": index} for index, event in enumerate(exchange.request.events) if "poison" in str(event)]
        if guilty:
            problem(400, "secret_detected", errors=guilty)(exchange)
        else:
            door.reply(exchange)

    door.always = refuse_poison
    run = start(door, spool_dir, said)
    run.log_parameters({"a": "poison"})
    run.log_parameters({"a": "food"})
    delivery = run.finish()
    assert delivery.complete
    assert delivery.set_aside == 1
    poison = next(event for event in spooled(spool_dir) if "poison" in str(event["payload"]))
    declared = door.of_type("run.events-dropped")[0]["payload"]
    producer = {name: poison["producer"][name] for name in ("id", "seq")}
    assert declared["set_aside"] == [
        {"id": poison["id"], "type": poison["type"], "producer": producer, "code": "secret_detected"}
    ]
    kept = json.loads((Path(spool_dir) / "refused" / f"{poison['id']}.json").read_text())
    assert kept["event"] == poison
    assert (kept["code"], kept["problem"]["status"]) == ("secret_detected", 400)
    check_against_published_schemas(door.sealed)


def test_what_a_restore_lost_is_sent_again(door: ScriptedDoor, spool_dir: str, said: list[str]) -> None:
    run = start(door, spool_dir, said)
    run.log_parameters({"a": 1})
    run.flush()
    wait_for("the first events", lambda: len(door.sealed) == 3)
    before = door.ids
    door.restore(1)
    door.faults.append(problem(409, "epoch_changed", epoch=1, kept_size=1))
    run.log_parameters({"a": 2})
    assert run.finish().complete
    assert door.ids[:3] == before
    assert door.types[3:] == ["run.parameters-recorded", "run.finished"]
    assert any("2 events are sent again" in line for line in said)


def test_paths_are_hashed_in_the_background_and_registered(
    door: ScriptedDoor, spool_dir: str, said: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "adapter.bin").write_text("weights")
    run = start(door, spool_dir, said)
    run.log_output("weights", type="lora", path=str(out), hash=True)
    run.save_checkpoint(1, path=str(tmp_path / "missing"), hash=True)
    run.finish()
    output = door.of_type("run.output-recorded")[0]["payload"]
    assert output["size_bytes"] == 7
    assert [(file["path"], file["size_bytes"]) for file in output["files"]] == [("adapter.bin", 7)]
    assert output["digest"] == runseal.hash_folder(str(out)).digest
    artifact = door.of_type("artifact.registered")[0]
    assert artifact["stream"] == f"artifact/{output['digest']}"
    assert artifact["payload"]["form"] == "folder"
    assert artifact["payload"]["run"] == run.id
    assert door.of_type("run.checkpoint-saved")[0]["payload"]["digest"] is None
    assert door.types[-1] == "run.finished"
    assert len(said) == 1
    check_against_published_schemas(door.sealed)


def test_a_spool_that_would_not_outlive_the_machine_goes_beside_the_output(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    volatile = "/dev/shm"
    from runseal.spool.places import file_system_of

    if file_system_of(volatile) != "tmpfs" or file_system_of(str(tmp_path)) in ("tmpfs", "overlay"):
        pytest.skip("this machine has no tmpfs beside a disk")
    monkeypatch.setattr("runseal.config.default_spool", lambda: f"{volatile}/runseal-test/spool")
    run = runseal.start_run("x", output_dir=str(tmp_path / "out"), say=said.append)
    folder = run.finish().folder
    assert str(folder).startswith(str(tmp_path / "out" / ".runseal"))
    assert "tmpfs" in said[0]
    assert runseal.hash_folder(str(tmp_path / "out")).files == []


def test_twenty_thousand_rows_cost_microseconds_and_all_arrive(
    door: ScriptedDoor, spool_dir: str, said: list[str]
) -> None:
    run = start(door, spool_dir, said)
    times = []
    for step in range(20_000):
        began = time.perf_counter()
        run.log_metrics({"loss": 2.1, "grad_norm": 0.5, "learning_rate": 1e-4, "epoch": 0.1}, step)
        times.append(time.perf_counter() - began)
    assert sorted(times)[len(times) // 2] < 1e-4
    assert run.finish().complete
    refused = [one for event in door.of_type("run.events-dropped") for one in event["payload"]["not_accepted"]]
    assert len(door.rows) + sum(one["count"] for one in refused) == 20_000
