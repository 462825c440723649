"""Whether a training goes on where an earlier one in the same output folder broke off."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import NamedTuple, Optional

from ..configuration.launch import Launch, text_or_none
from ..spool.layout import has_live_owner, make_folder, write_owner, write_whole
from .checkpoints import list_checkpoints, step_of
from .resume_note import read_note


class Resumed(NamedTuple):
    run: str
    #: The attempt that saved the checkpoint, where that is known.
    attempt: Optional[str]
    #: Of the checkpoint that training goes on from.
    step: Optional[int]
    #: Steps of the checkpoints that the run has saved so far.
    own: frozenset[int]


def find_resumed(launch: Launch, output_dir: Optional[str], run: Optional[str]) -> Optional[Resumed]:
    """The run that goes on: `run` where somebody named it, else the unfinished one whose checkpoint LLaMA-Factory is about to
    take up without being asked. None: a new run."""
    note = read_note(output_dir) if output_dir is not None else None
    if run is not None and (note is None or note.run != run):
        return Resumed(run, None, None, frozenset())
    if note is None or output_dir is None:
        return None
    step = _step_taken_up(launch, output_dir)
    if run is None and (step is None or not _is_unfinished(output_dir, note.run)):
        return None
    maker = note.attempt if step is None else note.checkpoints.get(step)
    if (
        maker is None
        and step is not None
        and step > max(note.checkpoints, default=-1)
        and _state_of(output_dir, note.run)
    ):
        # Killed between saving and noting it.
        maker = note.attempt
    if run is None and maker is None:
        # A checkpoint of somebody else's.
        return None
    own = [*note.checkpoints, *([step] if step is not None and maker is not None else [])]
    return Resumed(note.run, maker, step, frozenset(own))


def mark_begun(output_dir: str, run: str) -> None:
    """Leaves word that a wrapper is at work on this run in this folder."""
    with suppress(OSError):
        folder = _folder(output_dir)
        make_folder(folder)
        write_owner(folder)
        _write_state(output_dir, run, "running")


def mark_ended(output_dir: str, run: str, state: str) -> None:
    """`state`: finished, failed or killed. Only what is finished is not gone on with."""
    with suppress(OSError):
        make_folder(_folder(output_dir))
        _write_state(output_dir, run, state)


def _step_taken_up(launch: Launch, output_dir: str) -> Optional[int]:
    """LLaMA-Factory's own rule: the checkpoint that is told, else the last one unless the folder is to be overwritten."""
    values = launch.values
    told = text_or_none(values.get("resume_from_checkpoint"))
    if told is not None:
        return step_of(told) if step_of(told) >= 0 else None
    if values.get("overwrite_output_dir") is True or not launch.is_llama_factory:
        return None
    return max(list_checkpoints(output_dir), default=None)


def _is_unfinished(output_dir: str, run: str) -> bool:
    # Of a run that no wrapper saw the end is not known here.
    state = _state_of(output_dir, run)
    return state != "finished" and not (state == "running" and has_live_owner(_folder(output_dir)))


def _state_of(output_dir: str, run: str) -> Optional[str]:
    """What the wrapper of this run said last in this folder; None where the last one was another's."""
    try:
        with open(os.path.join(_folder(output_dir), "state.json"), encoding="utf-8") as file:
            told = json.load(file)
        return str(told["state"]) if told["run"] == run else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folder(output_dir: str) -> str:
    return os.path.join(output_dir, ".runseal", "wrapper")


def _write_state(output_dir: str, run: str, state: str) -> None:
    write_whole(os.path.join(_folder(output_dir), "state.json"), json.dumps({"run": run, "state": state}).encode())
