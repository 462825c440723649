"""Follows a training by the files in its output folder, where nobody tells of it from inside."""

from __future__ import annotations

import os
from typing import Any, Optional

from ..events.payloads import Json
from ..recording.run import Run
from .checkpoints import CheckpointWatch, list_checkpoints
from .trainer_files import LogFile, TrainerRow, TrainerState, read_trainer_state


class FolderWatch:
    """Each look costs a few stats and what is new."""

    def __init__(self, folder: str, is_from_start: bool = False, own: frozenset[int] = frozenset()) -> None:
        """`is_from_start`: what lies there already is this run's too; else only the checkpoints `own` are, which earlier
        attempts of the run have saved."""
        self.folder = folder
        known = frozenset(list_checkpoints(folder))
        self._is_from_start = is_from_start
        self._checkpoints = CheckpointWatch(folder, own & known)
        self._first = sorted(known) if is_from_start else []
        self._log = LogFile(os.path.join(folder, "trainer_log.jsonl"), is_from_start)
        self._state_before = _stamp(self._state_path)
        #: Names of the values that are recorded, by kind and step.
        self._recorded: dict[tuple[str, Optional[float]], set[str]] = {}
        self._has_log = False
        self.last_row: Optional[TrainerRow] = None
        self._rows: list[TrainerRow] = []
        self._saved: list[int] = []
        self._deleted: list[int] = []
        #: What a state tells up to here is an earlier attempt's.
        self.after_step = -1

    @property
    def _state_path(self) -> str:
        return os.path.join(self.folder, "trainer_state.json")

    def stamp(self) -> Any:
        """Differs from the one before where a file of the folder is new, gone or written to."""
        try:
            with os.scandir(self.folder) as entries:
                return sorted((entry.name, *_stamp(entry.path)) for entry in entries if entry.name != ".runseal")
        except OSError:
            return []

    def look(self) -> None:
        """Takes in what is new, to be recorded or forgotten."""
        rows = self._log.read()
        self._has_log = self._has_log or bool(rows) or self._log.has_end
        seen = self._checkpoints.look()
        saved, self._first = [*self._first, *seen.saved], []
        if not self._has_log and saved:
            state = read_trainer_state(os.path.join(self._checkpoints.path(saved[-1]), "trainer_state.json"))
            rows = self._unrecorded(state)
        self.last_row = rows[-1] if rows else self.last_row
        self._rows += rows
        self._saved += saved
        self._deleted += seen.deleted

    @property
    def has_rows(self) -> bool:
        """Whether there is a row that is neither recorded nor forgotten."""
        return bool(self._rows)

    def forget(self) -> None:
        """Somebody else records what was taken in."""
        self._rows, self._saved, self._deleted = [], [], []

    def record(self, run: Run) -> None:
        rows, saved, deleted = self._rows, self._saved, self._deleted
        self.forget()
        for row in rows:
            self._record(run, row)
        for step in saved:
            run.save_checkpoint(step, path=self._checkpoints.path(step), hash=True)
        for step in deleted:
            payload = {"attempt": run.attempt, "step": step, "path": self._checkpoints.path(step)}
            run.record("run.checkpoint-deleted", payload)

    def settle(self, run: Run) -> None:
        """At the end: what the trainer's state has beyond the rows that were followed, grad_norm for one."""
        rows = self._unrecorded(self.state())
        if rows:
            # Said before they come: their steps were passed long ago.
            text = "what trainer_state.json tells beyond the rows that were followed, as rows of their own"
            payload = {"attempt": run.attempt, "name": "rows_completed", "text": text, "value": len(rows)}
            run.record("run.annotated", payload)
        for row in rows:
            self._record(run, row)

    @property
    def has_ended(self) -> bool:
        """Whether the files say that training is over."""
        state = self.state()
        if self._log.has_end:
            return True
        return state is not None and state.global_step is not None and state.global_step == state.max_steps

    def state(self) -> Optional[TrainerState]:
        """The trainer's closing state; None where there is none, or only an earlier run's."""
        if not self._is_from_start and _stamp(self._state_path) == self._state_before:
            return None
        return read_trainer_state(self._state_path)

    def ending(self, values: Json, attempt: str) -> Json:
        """Facts of a run's ending as the files tell them; `values` are the configuration's."""
        state, last = self.state(), self.last_row
        newest = max(list_checkpoints(self.folder), default=None)
        if state is None and newest is not None:
            beside = read_trainer_state(os.path.join(self._checkpoints.path(newest), "trainer_state.json"))
            best = beside
        else:
            best = state
        step = _whole(last.step) if last is not None else None
        done = max((one for one in (state.global_step if state else None, step) if one is not None), default=None)
        facts: Json = {
            "completed_steps": done,
            "total_steps": self._log.total_steps or (best.max_steps if best else None),
            "epochs_completed": state.epoch if state else (last.epoch if last else None),
        }
        if best is not None and best.best_checkpoint is not None:
            facts["best_checkpoint"] = {"step": best.best_step, "path": best.best_checkpoint}
        if done is not None:
            loads_best = values.get("load_best_model_at_end") is True
            final = best.best_step if loads_best and best is not None and best.best_step is not None else done
            facts["final_weights"] = {"attempt": attempt, "step": final}
        return facts

    def _unrecorded(self, state: Optional[TrainerState]) -> list[TrainerRow]:
        """Rows of a state as far as they are new: the whole row, or the names that the log does not have."""
        fresh = []
        for row in state.rows if state is not None else []:
            if row.step is not None and row.step <= self.after_step:
                continue
            known = self._recorded.get((row.kind, row.step), set())
            values = {name: value for name, value in row.values.items() if name not in known}
            if values:
                fresh.append(row._replace(values=values))
        return fresh

    def _record(self, run: Run, row: TrainerRow) -> None:
        self._recorded.setdefault((row.kind, row.step), set()).update(row.values)
        # These files have no clock.
        run.log_metrics(row.values, row.step, kind=row.kind, epoch=row.epoch, at=None)


def _whole(step: Optional[float]) -> Optional[int]:
    return int(step) if step is not None else None


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)
