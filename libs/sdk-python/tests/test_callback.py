"""Several callbacks of one trainer: what each of them was told counts, and one of them records."""

from __future__ import annotations

from pathlib import Path

from test_training import of_type, train

CALLBACKS = """
import sys
from types import ModuleType
transformers = ModuleType("transformers")
transformers.TrainerCallback = object
sys.modules["transformers"] = transformers
from runseal.transformers import RunsealCallback
state.is_world_process_zero = True
def on(event, *callbacks, **more):
    for one in callbacks:
        getattr(one, "on_" + event)(args, state, None, **more)
"""


def test_what_a_script_told_its_callback_counts_beside_one_that_was_told_nothing(tmp_path: Path) -> None:
    events = train(
        tmp_path,
        CALLBACKS
        + """
added, own = RunsealCallback(), RunsealCallback("support", base_model={"source": "hub/base"}, name="mine")
other = RunsealCallback("another trainer's", name="not this")
other.on_init_end(SimpleNamespace(), None, None)
assert own.run is None
for event, more in (("init_end", {}), ("train_begin", {}), ("log", {"logs": {"loss": 1.0}}), ("train_end", {})):
    on(event, added, own, **more)
assert own.run is added.run is not None and other.run is None
own.finish()
""",
    )
    (started,) = of_type(events, "run.started")
    assert (started["experiment"], started["name"]) == ("support", "mine")
    assert [row["values"] for one in of_type(events, "run.metrics-logged") for row in one["rows"]] == [{"loss": 1.0}]
    (base_model,) = [one for one in of_type(events, "run.input-recorded") if one["kind"] == "base_model"]
    assert (base_model["source"], base_model["asserted"]) == ("hub/base", ["/payload/source"])
    assert len(of_type(events, "run.finished")) == 1


def test_one_callback_for_two_trainings_records_two_runs(tmp_path: Path) -> None:
    events = train(
        tmp_path,
        CALLBACKS
        + """
callback = RunsealCallback("twice")
for _ in range(2):
    on("train_begin", callback)
    on("train_end", callback)
    callback.finish()
""",
    )
    assert [event["type"] for event in events].count("run.started") == 2
