"""What the trainers' own files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runseal.training.trainer_files import LogFile, TrainerRow, kind_of, read_trainer_state


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"loss": 1.0, "grad_norm": 0.1}, "train"),
        # As the trainer logs a step where it is told to count tokens.
        ({"loss": 1.0, "train_runtime": 3.0, "train_tokens_per_second": 9.0}, "train"),
        ({"eval_loss": 1.0, "eval_runtime": 1.0}, "eval"),
        ({"test_accuracy": 1.0, "test_runtime": 1.0}, "eval"),
        ({"train_loss": 1.0, "train_runtime": 3.0}, "summary"),
        ({"total_flos": 1.0}, "summary"),
        ({"learning_rate": 1.0}, "train"),
    ],
)
def test_a_row_is_told_by_its_names(values: dict[str, Any], kind: str) -> None:
    assert kind_of(values) == kind


def test_the_log_is_read_on_from_where_it_was_left_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(json.dumps({"current_steps": 1, "loss": 9.0}) + "\n")
    log, whole = LogFile(str(path), False), LogFile(str(path), True)
    assert (len(whole.read()), log.read()) == (1, [])
    with path.open("a") as file:
        file.write(
            '{"current_steps": 5, "total_steps": 20, "loss": NaN, "lr": 0.1, "epoch": 0.5, "total_tokens": 0}\n{"cur'
        )
    assert log.read() == [TrainerRow("train", 5, 0.5, {"loss": "NaN", "learning_rate": 0.1})]
    assert (log.total_steps, log.has_end, log.read()) == (20, False, [])
    with path.open("a") as file:
        file.write(
            'rent_steps": 10, "eval_loss": 2}\nno json\n[]\n{"current_steps": 20, "total_steps": 20, "elapsed_time": "0:01"}\n'
        )
    assert [(row.kind, row.step) for row in log.read()] == [("eval", 10)]
    assert log.has_end


def test_a_log_that_was_begun_again_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(json.dumps({"current_steps": 100, "loss": 1.0}) + "\n")
    log = LogFile(str(path), False)
    path.write_text(json.dumps({"current_steps": 1, "loss": 9}) + "\n")
    assert [row.step for row in log.read()] == [1]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"log_history": 1}', '{"log_history": [1]}', "null"])
def test_a_state_that_is_none_yet_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "s").write_text(text)
    assert read_trainer_state(str(tmp_path / "s")) is None
    assert read_trainer_state(str(tmp_path / "none")) is None
