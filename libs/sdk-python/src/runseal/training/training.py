"""One training of a Hugging Face trainer, from its begin to its end, as a run."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Optional

from ..recording.run import Run
from ..recording.unfinished import forget, remember
from ..recording.wrapped import Wrapped
from ..surroundings.resources import ResourceSampler
from .checkpoints import CheckpointWatch, list_checkpoints
from .evaluation_set import ToldSet
from .evaluations import Evaluations
from .outputs import record_outputs
from .resume_note import Note, write_note
from .trainer_facts import best_checkpoint, final_step, task_metrics, total_steps, weights_type
from .trainer_files import kind_of

Json = dict[str, Any]

#: Seconds that the end waits for what is still being found out, and for digests of large files.
_PATIENCE_S = 10.0
_HASHING_S = 600.0


class Training:
    """Its methods may raise: whoever calls them guards them. `end` does not."""

    def __init__(
        self, run: Run, objects: Json, note: Optional[Note], wrapped: Optional[Wrapped], parameters: Json
    ) -> None:
        """`objects` are what the trainer hands its callbacks: args, state, model and the like. `note` is of this run,
        `parameters` what the configuration and the trainer say."""
        self.run = run
        self.state = objects["state"]
        self._args = objects["args"]
        self._model = objects.get("model")
        self._wrapped = wrapped
        self._folder = str(self._args.output_dir)
        self._began = time.monotonic()
        self._began_at = time.time()
        self._note = Note(
            run.id, run.attempt, dict(note.checkpoints) if note else {}, note.active_seconds if note else 0.0
        )
        self._checkpoints = CheckpointWatch(self._folder, frozenset(self._note.checkpoints))
        self._resources = ResourceSampler(self._keep_samples, self._folder)
        self.evaluations = Evaluations(run, ToldSet(run, parameters))
        #: What is found out beside the training.
        self.finding: Optional[threading.Thread] = None
        self.found: Json = {}
        self._rows_of_step: dict[int, int] = {}
        self._row: Optional[Json] = None
        self._is_trained = False
        self._lock = threading.Lock()
        self.is_ended = False
        self._phase = ""
        #: Whether the trainer is asked to stop where the server wants that.
        self.obeys_stop = False

    def begin(self) -> None:
        write_note(self._folder, self._note)
        self._resources.start()
        if self.run.heart is not None:
            self.run.heart.pulse = lambda: {"attempt": self.run.attempt, "phase": self._phase}
            self.run.heart.on_stop = self._stop_requested
        self._tell_phase("train")
        if self._wrapped is None:
            self.run.tell_begin()
        remember(self)

    def log(self, logs: Json) -> None:
        """A row as the trainer logs it."""
        values = dict(logs)
        epoch = values.pop("epoch", None)
        step = self.state.global_step
        kind = kind_of(values)
        if kind == "eval":
            number = self._rows_of_step.get(step, 0)
            self._rows_of_step[step] = number + 1
            self._row = {"attempt": self.run.attempt, "kind": "eval", "step": step, "n": number}
        self.run.log_metrics(values, step, kind=kind, epoch=epoch)

    def evaluating(self) -> None:
        self._tell_phase("eval")

    def evaluated(self, data: Any) -> None:
        """An evaluation is done, and its row, if it has one, was the last that was logged."""
        row, self._row = self._row, None
        step = final_step(self._args, self.state) if self._is_trained else int(self.state.global_step)
        weights = {"attempt": self._maker_of(step), "step": step, "digest": None}
        self.evaluations.add(data, {"row": row, "weights": weights, "after_training": self._is_trained})
        self._tell_phase("train")

    def predicted(self, metrics: Json, data: Any) -> None:
        """Predictions are done, after the training or without one."""
        self.run.log_metrics(metrics, int(self.state.global_step), kind="summary")
        step = final_step(self._args, self.state)
        weights = {"attempt": self._maker_of(step), "step": step, "digest": None}
        facts = {"row": None, "weights": weights, "after_training": self._is_trained, **task_metrics(metrics)}
        self.evaluations.add(data, facts)

    def saved(self) -> None:
        """A checkpoint of this step is on disk; others may have gone for it."""
        self._checkpoints.saved_again(int(self.state.global_step))
        self._keep_checkpoint(int(self.state.global_step), self.state.epoch)
        self.look()
        write_note(self._folder, self._timed_note())

    def look(self) -> None:
        """Records what came and went among the checkpoints without anybody telling."""
        seen = self._checkpoints.look()
        for step in seen.saved:
            self._keep_checkpoint(step, None)
        for step in seen.deleted:
            path = self._checkpoints.path(step)
            self.run.record("run.checkpoint-deleted", {"attempt": self.run.attempt, "step": step, "path": path})

    def stepped(self, control: Any) -> None:
        """Between two steps: where the server wants an end and the user lets it, the trainer is asked to stop."""
        if not control.should_training_stop and self._is_to_stop():
            control.should_training_stop = True
            step = int(self.state.global_step)
            self.annotate("stopped_on_request", f"the trainer was asked to stop after step {step}", step)

    def _is_to_stop(self) -> bool:
        if self._wrapped is not None:
            return self._wrapped.wants_stop
        return self.obeys_stop and self.run.stop_requested

    def _stop_requested(self) -> None:
        whose = 'on_alert="stop" (RUNSEAL_ON_ALERT) lets it be stopped'
        self.run.tell_stop(
            "it is asked to stop after its step" if self.obeys_stop else f"it goes on: {whose}", self.obeys_stop
        )

    def trained(self) -> None:
        self._is_trained = True
        self.look()
        write_note(self._folder, self._timed_note())
        self._tell_phase("save")

    def annotate(self, name: str, text: Optional[str], value: Any) -> None:
        payload = {"attempt": self.run.attempt, "name": name, "text": text, "value": value}
        self.run.record("run.annotated", payload)

    def end(self, error: Optional[BaseException] = None) -> None:
        """Records what training left, and the end; waits for the delivery as long as a run's end does."""
        with self._lock:
            if self.is_ended:
                return
            self.is_ended = True
        forget(self)
        self._tell_phase("hash")
        for what, work in (
            ("the machine", self._resources.stop),
            ("what went in", self._wait_for_findings),
            ("checkpoints", self.look),
            ("outputs", self._keep_outputs),
            ("evaluations", lambda: self.evaluations.settle(_PATIENCE_S)),
            ("digests", self._wait_for_hashes),
        ):
            self.run.guard(what, work)
        write_note(self._folder, self._timed_note())
        facts = self._ending()
        if self._is_trained and error is None:
            delivery = self.run.finish(**facts)
        elif isinstance(error, KeyboardInterrupt):
            delivery = self.run.fail(error, signal="SIGINT", **facts)
        else:
            delivery = self.run.fail(error or "the process ended before the training did", **facts)
        # What is left is told with the command that sends it; a wrapper tells its own.
        if self._wrapped is None and delivery.complete:
            self.run.tell_end("finished" if self._is_trained and error is None else "failed", 0)

    def _ending(self) -> Any:
        facts: Json = {"active_seconds": round(self._timed_note().active_seconds, 3)}
        with suppress(Exception):
            step = final_step(self._args, self.state)
            facts.update(
                total_steps=total_steps(self.state),
                completed_steps=int(self.state.global_step),
                epochs_completed=self.state.epoch,
                best_checkpoint=best_checkpoint(self.state),
                final_weights={"attempt": self._maker_of(step), "step": step} if self._is_trained else None,
            )
        return facts

    def _keep_outputs(self) -> None:
        # Below a wrapper that is the wrapper's: it sees what is written after this process.
        if (self._wrapped is None or self._wrapped.is_orphaned) and self._is_trained:
            step = final_step(self._args, self.state)
            folders = [self._folder]
            if step in list_checkpoints(self._folder):
                folders.append(self._checkpoints.path(step))
            roles = record_outputs(self.run, folders, weights_type(self._model), self._began_at)
            resolved = self.found.get("resolved")
            if "training_args" not in roles and resolved is not None:
                self.run.log_output("training_args", path=resolved, hash=True)

    def _keep_checkpoint(self, step: int, epoch: Any) -> None:
        self._note.checkpoints[step] = self.run.attempt
        self.run.save_checkpoint(step, path=self._checkpoints.path(step), epoch=epoch, hash=True)

    def _maker_of(self, step: int) -> str:
        return self._note.checkpoints.get(step, self.run.attempt)

    def _timed_note(self) -> Note:
        return self._note._replace(active_seconds=self._note.active_seconds + time.monotonic() - self._began)

    def _keep_samples(self, samples: list[Json]) -> None:
        self.run.record("run.resources-sampled", {"attempt": self.run.attempt, "samples": samples})

    def _wait_for_findings(self) -> None:
        if self.finding is not None:
            self.finding.join(_PATIENCE_S)

    def _wait_for_hashes(self) -> None:
        """Where the training came to its end, what can be known of what it left is worth the wait, which Ctrl-C ends."""
        if not self.run.wait_for_hashes(_PATIENCE_S) and self._is_trained:
            line = f"hashing what the training left, for {_HASHING_S / 60:.0f} minutes at most; Ctrl-C goes on without"
            self.run._teller.once("hashing", line)
            with suppress(KeyboardInterrupt):
                self.run.wait_for_hashes(_HASHING_S)

    def _tell_phase(self, phase: str) -> None:
        is_new, self._phase = phase != self._phase, phase
        if is_new and self._wrapped is not None:
            self._wrapped.tell_phase(phase)
