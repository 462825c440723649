"""A training from its begin to the end of its process, with objects in place of a trainer's: what is recorded, and when."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
from spools import spooled

BEGIN = """
import os, sys
from types import SimpleNamespace
from runseal.training.begin_training import begin_training
out, spool = sys.argv[1:3]
args = SimpleNamespace(output_dir=out, seed=3, data_seed=None, logging_nan_inf_filter=True, world_size=1, run_name=out,
                       load_best_model_at_end=False, num_train_epochs=2, learning_rate=1e-3, hub_token="<HUB_TOKEN>")
state = SimpleNamespace(global_step=0, max_steps=40, num_train_epochs=2, epoch=0.0, best_model_checkpoint=None)
objects = {"args": args, "state": state, "model": None}
def save(step, text=b"x"):
    state.global_step = step
    os.makedirs(f"{out}/checkpoint-{step}")
    open(f"{out}/checkpoint-{step}/model.safetensors", "wb").write(text)
"""


def train(tmp_path: Path, script: str, code: Optional[int] = 0, **variables: str) -> list[dict[str, Any]]:
    """The events that a process with this script spools."""
    spool = tmp_path / "spool"
    before = {event["id"] for event in spooled(str(spool))}
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, str(tmp_path / "out"), str(spool)],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(tmp_path),
            "RUNSEAL_SPOOL_DIR": str(spool),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # None: by a signal or not, as this version of Python ends.
    assert done.returncode == code if code is not None else done.returncode != 0, done.stderr
    return [event for event in spooled(str(spool)) if event["id"] not in before]


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == kind]


def weights_file(path: Path, *numbers: float) -> None:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(numbers)], "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def test_the_run_ends_when_the_process_does_with_what_came_after_the_training(tmp_path: Path) -> None:
    weights_file(tmp_path / "final", 1.0, float("nan"))
    events = train(
        tmp_path,
        """
training = begin_training(objects, {"experiment": "e"})
state.global_step = 40
training.log({"loss": 1.0, "epoch": 2.0})
training.trained()
training.log({"eval_loss": 2.0, "epoch": 2.0})
os.rename("final", f"{out}/model.safetensors")
""",
    )
    assert [event["type"] for event in events][:2] == ["run.started", "run.attempt-started"]
    rows = [row for one in of_type(events, "run.metrics-logged") for row in one["rows"]]
    assert [(row["kind"], row["step"], row["epoch"], row["values"]) for row in rows] == [
        ("train", 40, 2.0, {"loss": 1.0}),
        ("eval", 40, 2.0, {"eval_loss": 2.0}),
    ]
    outputs = of_type(events, "run.output-recorded")
    weights = next(one for one in outputs if one["role"] == "weights")
    assert (weights["type"], weights["tensors_finite"]) == ("full", False)
    assert weights["digest"] is not None
    # Where the trainer wrote none itself, the arguments as they were resolved.
    (arguments,) = [one for one in outputs if one["role"] == "training_args"]
    assert json.loads(Path(arguments["path"]).read_text())["learning_rate"] == 1e-3
    (ending,) = of_type(events, "run.finished")
    assert events[-1]["type"] == "run.finished"
    assert (ending["total_steps"], ending["completed_steps"]) == (40, 40)


def test_an_interpreter_that_gives_no_threads_at_its_exit_hashes_all_the_same(tmp_path: Path) -> None:
    weights_file(tmp_path / "final", 1.0, 2.0)
    events = train(
        tmp_path,
        """
import atexit, threading
def no_more(self): raise RuntimeError("can't create new thread at interpreter shutdown")
training = begin_training(objects, {})
training.finding.join()
training.run._subjects._hashing._lanes["content"]._is_started = False
training.trained()
os.rename("final", f"{out}/model.safetensors")
atexit.register(lambda: setattr(threading.Thread, "start", no_more))
""",
    )
    weights = next(one for one in of_type(events, "run.output-recorded") if one["role"] == "weights")
    assert (weights["digest"] is not None, weights["tensors_finite"]) == (True, True)


@pytest.mark.parametrize(
    ("script", "code", "error", "signal"),
    [
        ("raise ValueError('no')", 1, {"type": "ValueError", "message": "no"}, None),
        ("raise KeyboardInterrupt", None, {"type": "KeyboardInterrupt", "message": None}, "SIGINT"),
        ("sys.exit(4)", 4, {"type": None, "message": "the process ended before the training did"}, None),
        ("training.trained(); raise ValueError('late')", 1, {"type": "ValueError", "message": "late"}, None),
    ],
)
def test_what_breaks_a_process_off_fails_its_run(
    tmp_path: Path, script: str, code: Optional[int], error: dict[str, Any], signal: str
) -> None:
    events = train(tmp_path, f"training = begin_training(objects, {{}})\n{script}\n", code)
    (ending,) = of_type(events, "run.failed")
    assert (ending["error"], ending["signal"]) == (error, signal)
    # Nobody named an experiment: the folder did.
    assert of_type(events, "run.started")[0]["experiment"] == "out"


def test_a_resumed_process_goes_on_with_the_run_and_knows_whose_checkpoint_it_is(tmp_path: Path) -> None:
    first = train(
        tmp_path,
        """
training = begin_training(objects, {})
save(10); training.saved()
save(20); training.saved()
os._exit(9)
""",
        9,
    )
    second = train(
        tmp_path,
        """
state.global_step = 10
training = begin_training(objects, {})
import shutil; shutil.rmtree(f"{out}/checkpoint-10")
save(30); training.saved()
training.trained()
args.load_best_model_at_end = True
state.best_model_checkpoint = f"{out}/checkpoint-20"
""",
    )
    assert not of_type(second, "run.started")
    assert {event["stream"] for event in first + second if event["stream"].startswith("run/")} == {first[0]["stream"]}
    (attempt,) = (event for event in second if event["type"] == "run.attempt-started")
    assert attempt["payload"]["resumes"] == {"attempt": first[1]["id"], "step": 10}
    assert [one["step"] for one in of_type(second, "run.checkpoint-deleted")] == [10]
    (ending,) = of_type(second, "run.finished")
    # The best checkpoint is the first attempt's.
    assert ending["final_weights"] == {"attempt": first[1]["id"], "step": 20}


def test_checkpoints_that_lay_there_before_are_not_the_runs(tmp_path: Path) -> None:
    (tmp_path / "out" / "checkpoint-5").mkdir(parents=True)
    events = train(
        tmp_path,
        """
training = begin_training(objects, {})
os.rmdir(f"{out}/checkpoint-5")
save(10)
training.trained()
""",
    )
    # One that nobody told of is found all the same.
    assert [one["step"] for one in of_type(events, "run.checkpoint-saved")] == [10]
    assert not of_type(events, "run.checkpoint-deleted")
    assert [one["path"].rpartition("/out/")[2] for one in of_type(events, "run.output-recorded")][:1] != [
        "checkpoint-5"
    ]


def test_a_second_training_of_the_process_ends_the_first_one(tmp_path: Path) -> None:
    events = train(
        tmp_path,
        """
from runseal.recording.unfinished import end_aside
first = begin_training(objects, {})
first.trained()
end_aside(first)
second = begin_training(objects, {})
second.trained()
""",
    )
    assert len({event["stream"] for event in events if event["type"] == "run.finished"}) == 2


def test_the_filter_of_losses_is_left_as_it_is_unless_somebody_wants_them_raw(tmp_path: Path) -> None:
    script = "training = begin_training(objects, {}); print(args.logging_nan_inf_filter); training.trained()"
    told = [(one["name"], one["value"]) for one in of_type(train(tmp_path, script), "run.annotated")]
    assert told == [("nan_inf_filter", True)]
    events = train(tmp_path, f"{script}; assert args.logging_nan_inf_filter is False", RUNSEAL_RAW_LOSS="1")
    told = [(one["name"], one["value"]) for one in of_type(events, "run.annotated")]
    assert told == [("nan_inf_filter", True), ("raw_loss", True)]


CONFIG = """
import json
os.makedirs("data"); open("data/a.json", "w").write('[{"instruction": "x", "output": "y"}]')
json.dump({"a": {"file_name": "a.json"}, "b": {"file_name": "b.json"}}, open("data/dataset_info.json", "w"))
json.dump({"dataset": "a", "seed": 3, **extra}, open("train.json", "w"))
sys.argv.append("train.json")
training = begin_training(objects, {})
state.global_step = 40
training.log({"eval_loss": 1.0}); training.evaluated([1, 2])
training.trained()
"""


def test_an_evaluation_names_the_set_that_the_configuration_tells(tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    script = "extra = {'val_size': 0.1, 'template': 'alpaca', 'eval_strategy': 'steps'}\n" + CONFIG
    events = train(tmp_path / "split", script)
    (split,) = of_type(events, "run.evaluated")
    training_digest = f"sha256:{hashlib.sha256((tmp_path / 'split' / 'data' / 'a.json').read_bytes()).hexdigest()}"
    told = {"training_digest": training_digest, "val_size": 0.1, "seed": 3, "max_samples": None, "template": "alpaca"}
    text = json.dumps(told, separators=(",", ":"), sort_keys=True)
    identity = hashlib.sha256(f"runseal.split.v1\n{text}".encode()).hexdigest()
    assert split["set"] == {
        **{"kind": "split", "name": "a", "version": None, "split": told, "samples": 2},
        "digest": f"sha256:{identity}",
    }
    assert (split["row"]["step"], split["row"]["n"], split["weights"]["step"]) == (40, 0, 40)
    (tmp_path / "fixed").mkdir()
    events = train(tmp_path / "fixed", "extra = {'eval_dataset': 'a'}\n" + CONFIG)
    (fixed,) = of_type(events, "run.evaluated")
    assert (fixed["set"]["kind"], fixed["set"]["digest"]) == ("fixed", training_digest)
    (tmp_path / "both").mkdir()
    events = train(tmp_path / "both", "extra = {'eval_dataset': 'a,b'}\n" + CONFIG)
    assert of_type(events, "run.evaluated")[0]["set"]["digest"] is None


def test_nothing_is_recorded_where_that_is_switched_off(tmp_path: Path) -> None:
    script = "assert begin_training(objects, {}) is None"
    assert train(tmp_path, script, RUNSEAL_DISABLED="1") == []


def test_a_fact_that_cannot_be_found_is_told_and_costs_no_other(tmp_path: Path) -> None:
    events = train(
        tmp_path,
        """
os.dup2(os.open("said", os.O_CREAT | os.O_WRONLY), 2)
args.device, args.n_gpu = SimpleNamespace(type="cuda"), object()
training = begin_training(objects, {"experiment": "e"})
training.trained()
training.end()
""",
    )
    assert "the environment could not be recorded: TypeError" in (tmp_path / "said").read_text()
    assert of_type(events, "run.environment-recorded") == []
    assert "config" in [one["kind"] for one in of_type(events, "run.input-recorded")]
    assert events[-1]["type"] == "run.finished"
