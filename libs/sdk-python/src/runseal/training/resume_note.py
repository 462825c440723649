"""What a run leaves beside its outputs, so that a process that resumes the training later goes on with the same run."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import NamedTuple, Optional

from ..ids import is_uuid
from ..spool.layout import make_folder, write_whole


class Note(NamedTuple):
    run: str
    #: The newest attempt.
    attempt: str
    #: Attempt by step of the checkpoints that the run saved.
    checkpoints: dict[int, str]
    #: In which processes of earlier attempts were at work.
    active_seconds: float


def note_path(output_dir: str) -> str:
    return os.path.join(output_dir, ".runseal", "run.json")


def read_note(output_dir: str) -> Optional[Note]:
    """The note of the last run that wrote to a folder; None where there is none that can be read."""
    try:
        with open(note_path(output_dir), encoding="utf-8") as file:
            told = json.load(file)
        checkpoints = {int(step): str(attempt) for step, attempt in told["checkpoints"].items()}
        note = Note(str(told["run"]), str(told["attempt"]), checkpoints, float(told["active_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return note if is_uuid(note.run) and is_uuid(note.attempt) else None


def write_note(output_dir: str, note: Note) -> None:
    """Where the disk refuses, a resumed training starts a run of its own."""
    with suppress(OSError):
        make_folder(os.path.dirname(note_path(output_dir)))
        write_whole(note_path(output_dir), json.dumps({"format": 1, **note._asdict()}).encode())
