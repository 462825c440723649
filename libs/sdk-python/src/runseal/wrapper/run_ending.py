"""How a run ended, put together from what the command's exit says, what was left from inside, and what lies in the files."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ..events.payloads import BLANK_ENDING, Json
from ..recording.wrapped import Left
from .child_process import Exit


class RunEnding(NamedTuple):
    #: run.finished, run.failed or run.killed
    event_type: str
    #: Of a failure: type and message, or a sentence; of a killed run the reason.
    error: object
    #: Facts that every ending may tell.
    facts: Json


def decide_ending(end: Exit, left: Optional[Left], from_files: Json) -> RunEnding:
    """The exit decides what kind of end it is; an error that was told from inside says why. What was told from inside counts
    before what the files say."""
    told = {name: value for name, value in (left.facts or {}).items() if value is not None} if left else {}
    facts = {name: told.get(name, from_files.get(name)) for name in BLANK_ENDING if name != "asserted"}
    facts = {name: value for name, value in facts.items() if value is not None}
    is_done = left is not None and left.ending == "run.finished"
    if end.is_killed and not (end.code == 0 and is_done and _has_all_steps(facts)):
        return RunEnding("run.killed", end.why, _unfinished(facts))
    error = told.get("error")
    if left is not None and left.ending == "run.failed" and (end.code != 0 or isinstance(error, dict)):
        return RunEnding("run.failed", error if isinstance(error, dict) else end.why, _unfinished(facts))
    if end.code != 0:
        return RunEnding("run.failed", end.why, _unfinished(facts))
    return RunEnding("run.finished", None, facts)


def _has_all_steps(facts: Json) -> bool:
    done, total = facts.get("completed_steps"), facts.get("total_steps")
    return done is not None and done == total


def _unfinished(facts: Json) -> Json:
    """What broke off has no final weights."""
    return {name: value for name, value in facts.items() if name != "final_weights"}
