"""The handle that a trainer holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union, cast

from ..events.metrics import Row
from ..events.payloads import (
    BLANK_ENVIRONMENT,
    BLANK_EVALUATION,
    BLANK_SET,
    Json,
    encode_number,
    fill,
    flatten_parameters,
    plain,
)
from ..say import words_of
from .run_life import RunLife, guarded
from .subjects import Subjects

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..events.facts import (
        CheckpointFacts,
        EnvironmentFacts,
        EvaluationFacts,
        EventFacts,
        InputFacts,
        OutputFacts,
    )

#: Parameters in one event, well below the schema's limit.
_PARAMETERS_PER_EVENT = 1000
_PLAIN = (float, int, str)


class Run(RunLife):
    """No method raises, and none waits for the network but `flush`, `finish` and `fail`, which wait with a limit.

    As a context manager it finishes at the end of the block, and fails where an exception leaves it. In a forked child it
    records nothing: the run is the parent's.
    """

    #: True once the server has asked for an end of the training: for a loop that wants to obey.
    stop_requested = False

    @property
    def masked(self) -> list[str]:
        """What looked like a secret and was masked: event type and JSON pointer of each."""
        return list(self._recorder.masked) if self._recorder else []

    def log_metrics(
        self,
        values: Mapping[str, Any],
        step: Union[int, float, None] = None,
        *,
        kind: str = "train",
        epoch: Optional[float] = None,
        at: Union[str, float, None] = -1.0,
    ) -> None:
        """Records a row of numbers; what is no number is left out. `kind` is train, eval or summary; a summary has no step.

        `at` is an RFC 3339 time or seconds since 1970, None where the source tells none; now unless told.
        """
        try:
            recorder = self._recorder
            if recorder is None or not self._is_open():
                return
            copy = {name: value if type(value) in _PLAIN else encode_number(value) for name, value in values.items()}
            if step is not None and type(step) is not int:
                step = cast("Union[int, float, None]", encode_number(step))
            if epoch is not None and type(epoch) is not float:
                epoch = cast("Optional[float]", encode_number(epoch))
            if type(at) is not float and at is not None and not isinstance(at, str):
                at = float(at)
            if self.observer is not None:
                self.observer.saw_row(kind, step, copy)
            recorder.log_row(Row(kind, step, epoch, time.time() if at == -1.0 else at, copy))
        except Exception as error:
            self._teller.once("fault", f"a row could not be recorded: {words_of(error)}")

    @guarded
    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Records parameters; nested ones get dotted names. Secrets are masked and listed as `runseal.masked`."""
        flat = list(flatten_parameters(parameters).items())
        for start in range(0, len(flat), _PARAMETERS_PER_EVENT):
            some = dict(flat[start : start + _PARAMETERS_PER_EVENT])
            self._keep("run.parameters-recorded", {"attempt": self.attempt, "parameters": some, "asserted": []})

    @guarded
    def log_input(
        self,
        kind: str,
        *,
        hash: bool = False,
        profile: bool = False,
        tokenizer: Optional[str] = None,
        **facts: Unpack[InputFacts],
    ) -> None:
        """Records what goes in: `kind` is base_model, dataset, config or other. `hash` computes the digest of `path` in the
        background; `profile` also reads a dataset's rows there, counts its tokens by a `tokenizer` (a tokenizer.json or a
        folder with one) and fills in `samples` and `schema`."""
        self._subjects.record_input(kind, facts, hash=hash, profile=profile, tokenizer=tokenizer)

    @guarded
    def log_output(
        self,
        role: str,
        *,
        hash: bool = False,
        fresh: bool = True,
        check_tensors: bool = False,
        **facts: Unpack[OutputFacts],
    ) -> None:
        """Records what comes out: `role` is weights, training_args, tokenizer, report or other. `hash` computes the digest of
        `path` in the background, from its bytes unless `fresh` is False; `check_tensors` also tells whether the tensors of
        its .safetensors files are finite."""
        self._subjects.record_output(role, facts, hash=hash, fresh=fresh, check_tensors=check_tensors)

    @guarded
    def log_environment(self, **facts: Unpack[EnvironmentFacts]) -> None:
        """Records seeds, versions, hardware and the like."""
        self._keep("run.environment-recorded", {"attempt": self.attempt, **fill(BLANK_ENVIRONMENT, facts)})

    @guarded
    def save_checkpoint(self, step: int, *, hash: bool = False, **facts: Unpack[CheckpointFacts]) -> None:
        """Records that weights were saved at this step."""
        self._subjects.record_checkpoint(step, facts, hash=hash)

    @guarded
    def evaluate(self, set: Mapping[str, Any], **facts: Unpack[EvaluationFacts]) -> None:
        """Records an evaluation. `set` says on what it was made: `{"kind": "fixed" or "split", ...}`."""
        payload = fill(BLANK_EVALUATION, facts)
        for metric in payload["metrics"]:
            number = encode_number(metric.get("value"))
            metric["value"] = metric.get("value") if number is None else number
        self._keep("run.evaluated", {**payload, "set": {**fill(BLANK_SET, set)}})

    @guarded
    def record(self, event_type: str, payload: Mapping[str, Any], **facts: Unpack[EventFacts]) -> Optional[str]:
        """Records an event of the caller's own making; returns its id, or None where it was not accepted."""
        return self._keep(event_type, plain(payload), plain(facts))

    def tell_stop(self, what: str, is_obeyed: Optional[bool], attempt: Optional[str] = None) -> None:
        """The server asks for an end of the training: tells it, and records what becomes of that."""
        self.stop_requested = True
        self._teller.once("stop", f"the server asks for an end of the training; {what}")
        payload = {"attempt": attempt or self.attempt, "name": "stop_requested", "text": what, "value": is_obeyed}
        self.record("run.annotated", payload)

    @property
    def _subjects(self) -> Subjects:
        return Subjects(self.id, self.attempt, self._keep, self._hashing)

    def _keep(self, event_type: str, payload: Json, facts: Optional[Json] = None) -> Optional[str]:
        if self._recorder is None:
            return None
        self._observe(event_type, payload)
        return self._recorder.record({**(facts or {}), "type": event_type, "payload": payload})
