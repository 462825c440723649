"""The pure parts of `runseal run`: exits, chunks of logs, command lines, runs that go on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_door import ScriptedDoor
from spools import config, disown, draft, open_spool

from runseal.configuration.launch import expanded_command, read_launch
from runseal.configuration.stated_facts import read_facts
from runseal.configuration.yaml_values import ConfigRefused
from runseal.recording.start import start_run
from runseal.recording.wrapped import Left, Wrapped
from runseal.training.earlier_run import Resumed, find_resumed, mark_begun, mark_ended
from runseal.training.resume_note import Note, write_note
from runseal.wrapper.child_process import Exit, count_oom_kills, explain_exit
from runseal.wrapper.end import deliver_left
from runseal.wrapper.log_capture import CHUNK_BYTES, Chunker
from runseal.wrapper.run_ending import decide_ending

RUN = "01936b6e-1111-7000-8000-000000000000"
ATTEMPT = "01936b6e-2222-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("code", "forwarded", "oom_kills", "wanted"),
    [
        (0, [], 0, (0, None, False)),
        (1, [], 0, (1, None, False)),
        (-9, [], 0, (137, "SIGKILL", True)),
        (-9, [], 1, (137, "SIGKILL", True)),
        (137, [], 2, (137, "SIGKILL", True)),
        # A launcher that ends with 1 because the kernel killed one of its processes.
        (1, [], 1, (1, "SIGKILL", True)),
        (-11, [], 0, (139, "SIGSEGV", False)),
        (139, [], 0, (139, None, False)),
        (-15, ["SIGTERM"], 0, (143, "SIGTERM", True)),
        (1, ["SIGTERM"], 0, (1, "SIGTERM", True)),
        (1, ["SIGUSR1"], 0, (1, None, False)),
        (0, ["SIGINT"], 0, (0, "SIGINT", True)),
        (255, [], 0, (255, None, False)),
    ],
)
def test_an_exit_is_told_for_what_it_was(
    code: int, forwarded: list[str], oom_kills: int, wanted: tuple[int, Optional[str], bool]
) -> None:
    found = explain_exit(code, forwarded, oom_kills)
    assert found[:3] == wanted
    assert (found.why is None) == (wanted == (0, None, False))
    if oom_kills:
        assert "want of memory" in str(found.why)


def test_counting_kills_for_want_of_memory_never_fails() -> None:
    assert count_oom_kills() >= 0


@given(st.lists(st.binary(max_size=40_000), max_size=12))
def test_chunks_hold_all_that_was_printed_in_order(pieces: list[bytes]) -> None:
    chunker = Chunker("stdout")
    chunks = [chunk for number, piece in enumerate(pieces) for chunk in chunker.add(piece, float(number))]
    chunks += chunker.rest()
    text = b"".join(pieces)
    assert sum(chunk["lines"] for chunk in chunks) == text.count(b"\n")
    assert [chunk["chunk"] for chunk in chunks] == list(range(len(chunks)))
    if text.isascii() and b"-" not in text and b"_" not in text and b":" not in text and b"=" not in text:
        assert "".join(chunk["text"] for chunk in chunks).encode() == text


@pytest.mark.parametrize("at", range(0, 120, 7))
def test_a_secret_is_masked_wherever_the_pieces_of_the_output_end(at: int) -> None:
    secret = "hf_" + "aB3" * 12
    key = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\nafter\n"
    data = f"login with {secret} now\n{key}".encode()
    chunker = Chunker("stderr")
    chunks = chunker.add(data[:at], 0.0) + chunker.due(100.0) + chunker.add(data[at:], 101.0) + chunker.due(200.0)
    text = "".join(chunk["text"] for chunk in chunks + chunker.rest())
    assert secret not in text
    assert "c2VjcmV0" not in text
    assert text.endswith("after\n")


def test_a_line_that_never_ends_is_cut_at_the_size_of_a_chunk() -> None:
    chunks = Chunker("stdout").add(b"x" * (3 * CHUNK_BYTES + 5), 0.0)
    assert [len(chunk["text"]) for chunk in chunks] == [CHUNK_BYTES] * 3


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.yaml").write_text("stage: dpo\npref_loss: orpo\noutput_dir: ${PLACE:-out}\nlora_rank: 8\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "is_llama_factory", "at"),
    [
        (["llamafactory-cli", "train", "train.yaml"], True, 2),
        (["/venv/bin/lmf", "train", "train.yaml", "lora_rank=16"], True, 2),
        (["python", "-m", "llamafactory.cli", "train", "train.yaml"], True, 4),
        (["torchrun", "--nproc_per_node", "2", "train.py", "--config", "train.yaml"], False, 5),
        (["python", "train.py"], False, None),
        (["python", "train.py", "nowhere.yaml"], False, None),
    ],
)
def test_a_command_line_is_looked_through_for_its_configuration(
    command: list[str], is_llama_factory: bool, at: Optional[int], folder: Path
) -> None:
    pytest.importorskip("yaml")
    launch = read_launch(command)
    assert (launch.is_llama_factory, launch.config_at, launch.fault) == (is_llama_factory, at, None)
    if at is not None:
        assert launch.values["lora_rank"] == (16 if "lora_rank=16" in command else 8)
        assert (launch.output_dir, launch.objective) == ("out", "orpo")
    private = folder / "private"
    private.mkdir()
    handed = expanded_command(launch, str(private))
    if not is_llama_factory:
        assert handed == command
        return
    assert handed[:at] == command[:at]
    path = Path(handed[at or 0])
    assert path.read_text().splitlines()[2] == "output_dir: out"
    assert path.stat().st_mode & 0o777 == 0o600
    assert handed[(at or 0) + 1 :] == command[(at or 0) + 1 :]


def test_a_configuration_that_cannot_be_read_is_a_fault_to_be_told(folder: Path) -> None:
    (folder / "train.yaml").write_text("a: [")
    launch = read_launch(["llamafactory-cli", "train", "train.yaml"])
    assert launch.fault is not None
    assert launch.fault.startswith("train.yaml")
    assert (launch.config, launch.values, launch.output_dir) == (None, {}, None)


def checkpoint(out: Path, step: int) -> None:
    (out / f"checkpoint-{step}").mkdir(parents=True)


@pytest.mark.parametrize(
    ("state", "values", "wanted"),
    [
        ("killed", "", True),
        ("failed", "", True),
        ("finished", "", False),
        # The wrapper itself was killed, and is gone.
        ("running", "", True),
        ("killed", "overwrite_output_dir: true\n", False),
    ],
)
def test_a_training_goes_on_with_the_run_whose_checkpoint_it_takes_up(
    state: str, values: str, wanted: bool, folder: Path
) -> None:
    pytest.importorskip("yaml")
    out = folder / "out"
    checkpoint(out, 10)
    checkpoint(out, 20)
    write_note(str(out), Note(RUN, ATTEMPT, {10: ATTEMPT, 20: ATTEMPT}, 1.0))
    mark_begun(str(out), RUN)
    (out / ".runseal" / "wrapper" / "owner.json").write_text(
        json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename})
    )
    mark_ended(str(out), RUN, state)
    (folder / "train.yaml").write_text(f"output_dir: out\n{values}")
    launch = read_launch(["llamafactory-cli", "train", "train.yaml"])
    found = find_resumed(launch, "out", None)
    assert found == (Resumed(RUN, ATTEMPT, 20, frozenset([10, 20])) if wanted else None)


def test_a_run_whose_wrapper_lives_is_not_gone_on_with(folder: Path) -> None:
    pytest.importorskip("yaml")
    out = folder / "out"
    checkpoint(out, 10)
    write_note(str(out), Note(RUN, ATTEMPT, {10: ATTEMPT}, 1.0))
    mark_begun(str(out), RUN)
    launch = read_launch(["llamafactory-cli", "train", "train.yaml"])
    assert find_resumed(launch, "out", None) is None


def test_a_checkpoint_that_was_saved_and_not_noted_any_more_is_the_runs(folder: Path) -> None:
    pytest.importorskip("yaml")
    out = folder / "out"
    checkpoint(out, 30)
    write_note(str(out), Note(RUN, ATTEMPT, {10: ATTEMPT}, 1.0))
    mark_ended(str(out), RUN, "killed")
    launch = read_launch(["llamafactory-cli", "train", "train.yaml"])
    assert find_resumed(launch, "out", None) == Resumed(RUN, ATTEMPT, 30, frozenset([10, 30]))
    mark_ended(str(out), "01936b6e-3333-7000-8000-000000000000", "killed")
    assert find_resumed(launch, "out", None) is None


def test_a_checkpoint_of_somebody_elses_begins_a_new_run(folder: Path) -> None:
    pytest.importorskip("yaml")
    checkpoint(folder / "out", 10)
    launch = read_launch(["llamafactory-cli", "train", "train.yaml"])
    assert find_resumed(launch, "out", None) is None
    write_note(str(folder / "out"), Note(RUN, ATTEMPT, {5: ATTEMPT}, 1.0))
    assert find_resumed(launch, "out", None) is None
    # Unless somebody says which run it is.
    assert find_resumed(launch, "out", RUN) == Resumed(RUN, None, 10, frozenset([5]))
    assert find_resumed(launch, None, RUN) == Resumed(RUN, None, None, frozenset())


ENDED: dict[str, Any] = {"completed_steps": 20, "total_steps": 20, "final_weights": {"attempt": ATTEMPT, "step": 20}}


@pytest.mark.parametrize(
    ("end", "ending", "facts", "wanted"),
    [
        (Exit(0), "run.finished", ENDED, "run.finished"),
        (Exit(0), None, {}, "run.finished"),
        # A script that swallows what broke its training.
        (Exit(0), "run.failed", {"error": {"type": "ValueError", "message": "x"}}, "run.failed"),
        (Exit(1, None, False, "exit code 1"), "run.finished", ENDED, "run.failed"),
        (Exit(137, "SIGKILL", True, "killed"), "run.finished", ENDED, "run.killed"),
        # Asked to end when all was done already.
        (Exit(0, "SIGTERM", True, "asked"), "run.finished", ENDED, "run.finished"),
        (Exit(0, "SIGTERM", True, "asked"), "run.finished", {**ENDED, "completed_steps": 9}, "run.killed"),
        (Exit(0, "SIGTERM", True, "asked"), None, {}, "run.killed"),
    ],
)
def test_the_exit_decides_and_what_is_known_from_inside_says_why(
    end: Exit, ending: Optional[str], facts: dict[str, Any], wanted: str
) -> None:
    left = None if ending is None else Left("p", "f", ATTEMPT, 3, ending, facts)
    found = decide_ending(end, left, {"epochs_completed": 1.0})
    assert found.event_type == wanted
    assert found.facts["epochs_completed"] == 1.0
    assert ("final_weights" in found.facts) == (wanted == "run.finished" and bool(facts))


def test_an_attempt_is_claimed_once_and_a_folder_that_is_not_here_keeps_nobody_from_recording(tmp_path: Path) -> None:
    wrapped = Wrapped(str(tmp_path), ATTEMPT)
    assert [wrapped.is_claimed, wrapped.claim("a"), wrapped.claim("b"), wrapped.is_claimed] == [
        False,
        True,
        False,
        True,
    ]
    away = Wrapped(str(tmp_path / "on another host"), ATTEMPT)
    away.tell_phase("train")
    away.leave(Left(RUN, "f"))
    away.request_stop()
    assert (away.claim("a"), away.phase, away.read_left(), away.wants_stop, away.parameters()) == (
        True,
        None,
        [],
        False,
        {},
    )
    wrapped.tell_phase("eval")
    wrapped.tell_phase("nonsense")
    (tmp_path / "x.producer").write_text("{}")
    wrapped.leave(Left(RUN, "f", ATTEMPT, 3, "run.finished", {"total_steps": 3}))
    assert (wrapped.phase, wrapped.read_left()) == (
        "eval",
        [Left(RUN, "f", ATTEMPT, 3, "run.finished", {"total_steps": 3})],
    )


def test_stated_facts_are_taken_nested_or_dotted_and_unknown_ones_are_named(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(
        json.dumps({"base_model.source": "hub/x", "dataset": {"license": "cc0"}, "tasks": ["qa"], "tags": {"a": 1}})
    )
    assert read_facts(str(path)) == {
        "base_model": {"source": "hub/x"},
        "dataset": {"license": "cc0"},
        "tasks": ["qa"],
        "tags": {"a": "1"},
    }
    path.write_text(json.dumps({"base_model.digest": "x", "dataset": 3, "typo": 1}))
    with pytest.raises(ConfigRefused, match=r"found base_model.digest, dataset, typo, wanted base_model.source"):
        read_facts(str(path))


@pytest.mark.parametrize("is_readable", [True, False])
def test_what_a_dead_process_left_counts_as_delivered_only_when_it_is(
    is_readable: bool, door: ScriptedDoor, spool_dir: str
) -> None:
    spool = open_spool(spool_dir, url=door.url)
    spool.accept(draft(), "permanent")
    spool.close()
    disown(spool)
    if not is_readable:
        Path(spool.folder, "meta.json").write_text("{")
    run = start_run("x", url=door.url, api_key="rsk_a_b", spool_dir=spool_dir, say=lambda line: None)
    left = Left(os.path.basename(spool.folder), spool.folder, run.attempt)
    waiting = deliver_left(run, [left], config(spool_dir, door.url))
    assert (waiting == 0) is is_readable
    assert ("run.parameters-recorded" in door.types) is is_readable
    run.finish()
