"""What is found out around a training: code, machine, checkpoints, data, output files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runseal.configuration.training_config import config_file, read_parameters
from runseal.events.event import payload_check
from runseal.ids import uuid7
from runseal.spool.kept_text import keep_text
from runseal.surroundings.git_state import DIFF_BYTES_MAX, read_diff, read_git
from runseal.surroundings.machine import describe_packages, image_digest
from runseal.surroundings.resources import ResourceSampler
from runseal.training.checkpoints import CheckpointWatch, step_of
from runseal.training.data_facts import data_facts, rows_digest
from runseal.training.outputs import find_outputs
from runseal.training.resume_note import Note, note_path, read_note, write_note
from runseal.training.trainer_facts import base_model_of, final_step, resolved_arguments, seeds_of, weights_type

DIGEST = "sha256:" + "a" * 64


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://me:hunter2hunter2@example.org/team/code.git")
    (tmp_path / "train.py").write_text("lr = 1\n")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_commit_is_told_and_the_address_without_its_login(repository: Path) -> None:
    state = read_git(str(repository / "train.py"))
    assert state is not None
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.repository, state.dirty) == ("https://example.org/team/code.git", False)
    assert read_diff(state) is None


def test_a_changed_tree_is_dirty_and_its_diff_holds_no_secret(repository: Path) -> None:
    (repository / "train.py").write_text(f"lr = 2\nhub_token = 'hf_{'aB3' * 12}'\n")
    state = read_git(str(repository))
    assert state is not None
    assert state.dirty
    text = read_diff(state)
    assert text is not None
    assert "+lr = 2" in text
    assert "aB3" not in text
    (repository / "train.py").write_text("x" * DIFF_BYTES_MAX)
    assert read_diff(state) is None


def test_outputs_that_git_does_not_know_leave_a_tree_clean_but_a_script_does_not(repository: Path) -> None:
    (repository / "out.log").write_text("x")
    clean, untracked = read_git(str(repository / "train.py")), read_git(str(repository / "out.log"))
    assert clean is not None
    assert untracked is not None
    assert (clean.dirty, untracked.dirty) == (False, True)


def test_without_a_repository_or_git_there_is_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_git(str(tmp_path)) is None
    monkeypatch.setenv("PATH", "")
    assert read_git(os.getcwd()) is None


def test_packages_are_named_and_all_of_them_count_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe_packages()
    assert before == describe_packages()
    assert before["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    monkeypatch.setattr("runseal.surroundings.machine.installed_packages", lambda: {"some-package": "1"})
    assert describe_packages()["lock_digest"] != before["lock_digest"]


def test_an_image_counts_by_its_digest_only() -> None:
    assert image_digest(f"registry/train@{DIGEST}") == DIGEST
    assert image_digest("registry/train:latest") is None


def test_samples_fit_their_event_and_the_last_one_is_taken_at_the_end(tmp_path: Path) -> None:
    kept: list[dict[str, Any]] = []
    sampler = ResourceSampler(kept.extend, str(tmp_path))
    sampler.start()
    sampler.stop()
    assert 1 <= len(kept) <= 2
    payload = {"attempt": uuid7(), "samples": kept}
    assert payload_check("run.resources-sampled", 1)(payload) is None
    if sys.platform == "linux":
        assert kept[-1]["ram_total_bytes"] > kept[-1]["process_rss_bytes"] > 0


def test_what_nvml_tells_is_sampled_and_what_it_refuses_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(device: object) -> int:
        raise RuntimeError("not supported")

    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda device: b"GPU 9000",
        nvmlDeviceGetMemoryInfo=lambda device: SimpleNamespace(used=3, total=8),
        nvmlDeviceGetUtilizationRates=lambda device: SimpleNamespace(gpu=55),
        nvmlDeviceGetTemperature=lambda device, kind: 61,
        nvmlDeviceGetPowerUsage=refuse,
        NVML_TEMPERATURE_GPU=0,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    kept: list[dict[str, Any]] = []
    sampler = ResourceSampler(kept.extend, str(tmp_path))
    sampler.stop()
    assert kept[0]["gpus"] == [
        {
            "index": 0,
            "name": "GPU 9000",
            "utilization_percent": 55,
            "memory_used_bytes": 3,
            "memory_total_bytes": 8,
            "temperature_celsius": 61,
            "power_watts": None,
        }
    ]


def test_checkpoints_are_seen_to_come_and_go(tmp_path: Path) -> None:
    watch = CheckpointWatch(str(tmp_path / "out"))
    assert watch.look() == ([], [])
    for step in (100, 20):
        (tmp_path / "out" / f"checkpoint-{step}").mkdir(parents=True)
    (tmp_path / "out" / "checkpoint-x").mkdir()
    (tmp_path / "out" / "checkpoint-7").write_text("a file")
    assert watch.look() == ([20, 100], [])
    (tmp_path / "out" / "checkpoint-20").rmdir()
    assert watch.look() == ([], [20])
    assert watch.look() == ([], [])
    assert (step_of("a/checkpoint-20/"), step_of("checkpoint-20b"), step_of("x")) == (20, -1, -1)


def test_a_note_is_read_as_it_was_written_and_one_of_anothers_making_is_none(tmp_path: Path) -> None:
    note = Note(uuid7(), uuid7(), {20: uuid7()}, 1.5)
    write_note(str(tmp_path), note)
    assert read_note(str(tmp_path)) == note
    for text in ("", "{}", "[]", '{"run": "x", "attempt": "y", "checkpoints": {}, "active_seconds": 0}', "{" * 9999):
        Path(note_path(str(tmp_path))).write_text(text)
        assert read_note(str(tmp_path)) is None
    (tmp_path / "file").write_text("")
    write_note(str(tmp_path / "file"), note)


def test_outputs_are_known_by_name_and_old_ones_left_alone(tmp_path: Path) -> None:
    for name in ("adapter_model.safetensors", "tokenizer.json", "training_args.bin", "all_results.json", "secret.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "model.safetensors").write_text("of another run")
    os.utime(tmp_path / "model.safetensors", (1000, 1000))
    found = find_outputs(str(tmp_path), os.stat(tmp_path / "tokenizer.json").st_mtime)
    assert found == {
        "weights": ["adapter_model.safetensors"],
        "tokenizer": ["tokenizer.json"],
        "training_args": ["training_args.bin"],
        "report": ["all_results.json"],
    }
    assert find_outputs(str(tmp_path / "nowhere")) == {}


def test_a_kept_text_is_found_by_its_digest_and_a_refusing_disk_costs_its_place_only(tmp_path: Path) -> None:
    kept = keep_text(str(tmp_path / "producer"), "é", ".txt")
    assert kept.path is not None
    assert Path(kept.path).read_bytes() == "é".encode()
    assert kept.digest.endswith(Path(kept.path).stem)
    (tmp_path / "file").write_text("")
    assert keep_text(str(tmp_path / "file" / "producer"), "é", ".txt") == (kept.digest, 2, None)


def test_settings_of_a_trainer_are_taken_as_it_resolved_them(tmp_path: Path) -> None:
    listed = SimpleNamespace(to_dict=lambda: {"lr": 1, "hub_token": "<HUB_TOKEN>", "run": "<RUN>x"})
    assert resolved_arguments(listed) == {"lr": 1, "hub_token": None, "run": "<RUN>x"}
    assert resolved_arguments(SimpleNamespace(lr=1)) == {"lr": 1}
    assert resolved_arguments(object()) == {}
    assert seeds_of(SimpleNamespace(seed=3, data_seed=None)) == {"seed": 3, "data_seed": 3, "numpy_seed": "derived"}
    state = SimpleNamespace(global_step=40, best_model_checkpoint="out/checkpoint-20")
    assert final_step(SimpleNamespace(load_best_model_at_end=True), state) == 20
    assert final_step(SimpleNamespace(load_best_model_at_end=False), state) == 40


def test_a_base_model_is_a_folder_or_a_commit_of_a_hub(tmp_path: Path) -> None:
    def model(name: str, commit: object = None) -> Any:
        return SimpleNamespace(config=SimpleNamespace(_name_or_path=name, _commit_hash=commit))

    assert base_model_of(model(str(tmp_path))) == (None, None, str(tmp_path))
    assert base_model_of(model("org/model", "a" * 40)) == ("org/model", "a" * 40, None)
    assert base_model_of(model("")) is None
    assert base_model_of(None) is None
    adapter = SimpleNamespace(peft_type=SimpleNamespace(value="LORA"))
    assert weights_type(SimpleNamespace(peft_config={"default": adapter}, active_adapter="default")) == "lora"
    assert weights_type(SimpleNamespace()) == "full"


def test_data_of_a_hub_is_known_by_its_commit_and_that_of_one_file_by_its_path(tmp_path: Path) -> None:
    class Rows(list):  # type: ignore[type-arg]
        column_names = ("text", "label")
        _fingerprint = "f00"
        info = SimpleNamespace(download_checksums=None)

    rows = Rows([1, 2, 3])
    assert data_facts(rows) == (None, None, "fingerprint:f00", 3, "text, label")
    (tmp_path / "train.json").write_text("[]")
    rows.info = SimpleNamespace(download_checksums={str(tmp_path / "train.json"): {}})
    assert (data_facts(rows).path, data_facts(rows).name) == (str(tmp_path / "train.json"), "train")
    place = f"hf://datasets/org/set@{'b' * 40}/data/train-{{}}.parquet"
    rows.info = SimpleNamespace(download_checksums={place.format(1): {}, place.format(2): {}})
    assert data_facts(rows)[:3] == (None, "org/set", "b" * 40)
    # Reading rows of any other class may have side effects: it is not done.
    assert rows_digest(rows) is None
    assert data_facts(iter([])) == (None, None, None, None, None)


def test_a_configuration_on_the_command_line_comes_before_the_script(tmp_path: Path) -> None:
    yaml = tmp_path / "train.yaml"
    yaml.write_text("stage: sft\n")
    assert config_file(["llamafactory-cli", "train", str(yaml)]) == str(yaml)
    assert config_file(["x", "missing.yaml"]) != "missing.yaml"
    told = tmp_path / "train.json"
    told.write_text('{"stage": "dpo"}')
    assert read_parameters(["x", str(told)]) == {"stage": "dpo"}
    told.write_text("[")
    assert read_parameters(["x", str(told)]) == {}
