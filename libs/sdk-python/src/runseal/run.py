"""The handle that a trainer holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union, cast

from .delivery import Delivery
from .hash_path import PathContent
from .hashing import Hashing
from .metrics import Row
from .payloads import (
    BLANK_CHECKPOINT,
    BLANK_ENDING,
    BLANK_ENVIRONMENT,
    BLANK_EVALUATION,
    BLANK_INPUTS,
    BLANK_OUTPUT,
    BLANK_SET,
    Json,
    describe_content,
    describe_error,
    encode_number,
    fill,
    flatten_parameters,
    plain,
)
from .recorder import Recorder
from .say import Teller, words_of

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Unpack

    from .facts import (
        CheckpointFacts,
        Ending,
        EnvironmentFacts,
        EvaluationFacts,
        EventFacts,
        Failure,
        InputFacts,
        OutputFacts,
    )

#: Parameters in one event, well below the schema's limit.
_PARAMETERS_PER_EVENT = 1000
_PLAIN = (float, int, str)

Method = TypeVar("Method", bound=Callable[..., Any])
Result = TypeVar("Result")


def _guarded(method: Method) -> Method:
    """The caller's mistakes and ours end here: recording never raises into the training."""

    @wraps(method)
    def guarded(self: Run, *args: Any, **options: Any) -> Any:
        if self._recorder is None or not self._is_open():
            return None
        return self._attempt(lambda: method(self, *args, **options))

    return cast(Method, guarded)


class Run:
    """No method raises, and none waits for the network but `flush`, `finish` and `fail`, which wait with a limit.

    As a context manager it finishes at the end of the block, and fails where an exception leaves it. In a forked child it
    records nothing: the run is the parent's.
    """

    def __init__(
        self, run: str, attempt: str, recorder: Optional[Recorder], teller: Teller, drain_s: float, command: str = ""
    ) -> None:
        """`recorder` is None where nothing is recorded; `command` sends what may be left at the end."""
        self.id = run
        self.attempt = attempt
        self._recorder = recorder
        self._teller = teller
        self._drain_s = drain_s
        self._command = command
        self._hashing = Hashing(teller)
        self._is_ended = False

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        elif isinstance(error, SystemExit):
            self.fail(error, exit_code=error.code if isinstance(error.code, int) else 1)
        elif isinstance(error, KeyboardInterrupt):
            self.fail(error, signal="SIGINT")
        else:
            self.fail(error)

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
            recorder.log_row(Row(kind, step, epoch, time.time() if at == -1.0 else at, copy))
        except Exception as error:
            self._teller.once("fault", f"a row could not be recorded: {words_of(error)}")

    @_guarded
    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Records parameters; nested ones get dotted names. Secrets are masked and listed as `runseal.masked`."""
        flat = list(flatten_parameters(parameters).items())
        for start in range(0, len(flat), _PARAMETERS_PER_EVENT):
            some = dict(flat[start : start + _PARAMETERS_PER_EVENT])
            self._keep("run.parameters-recorded", {"attempt": self.attempt, "parameters": some, "asserted": []})

    @_guarded
    def log_input(self, kind: str, *, hash: bool = False, **facts: Unpack[InputFacts]) -> None:
        """Records what goes in: `kind` is base_model, dataset, config or other. `hash` computes the digest of `path` in the
        background."""
        payload = {"kind": kind, **fill(BLANK_INPUTS[kind], facts)}
        artifact_kind = payload.get("role", "other") if kind == "other" else kind

        def record(content: Optional[PathContent]) -> None:
            digest = content.digest if content else payload["digest"]
            self._keep("run.input-recorded", {**payload, "digest": digest})
            self._register(artifact_kind, payload["path"], digest, content)

        self._with_content(hash, payload, record)

    @_guarded
    def log_output(self, role: str, *, hash: bool = False, **facts: Unpack[OutputFacts]) -> None:
        """Records what comes out: `role` is weights, training_args, tokenizer, report or other."""
        payload = {"role": role, **fill(BLANK_OUTPUT, facts)}

        def record(content: Optional[PathContent]) -> None:
            known = payload
            if content is not None:
                about = describe_content(content)
                known = {
                    **payload,
                    "digest": content.digest,
                    "size_bytes": about["size_bytes"],
                    "files": about["files"],
                }
            self._keep("run.output-recorded", known)
            self._register(role, payload["path"], known["digest"], content)

        self._with_content(hash, payload, record)

    @_guarded
    def log_environment(self, **facts: Unpack[EnvironmentFacts]) -> None:
        """Records seeds, versions, hardware and the like."""
        self._keep("run.environment-recorded", {"attempt": self.attempt, **fill(BLANK_ENVIRONMENT, facts)})

    @_guarded
    def save_checkpoint(self, step: int, *, hash: bool = False, **facts: Unpack[CheckpointFacts]) -> None:
        """Records that weights were saved at this step."""
        payload = {"attempt": self.attempt, "step": encode_number(step), **fill(BLANK_CHECKPOINT, facts)}

        def record(content: Optional[PathContent]) -> None:
            known = payload
            if content is not None:
                known = {**payload, "digest": content.digest, "size_bytes": content.size_bytes}
            self._keep("run.checkpoint-saved", known)
            self._register("checkpoint", payload["path"], known["digest"], content)

        self._with_content(hash, payload, record)

    @_guarded
    def evaluate(self, set: Mapping[str, Any], **facts: Unpack[EvaluationFacts]) -> None:
        """Records an evaluation. `set` says on what it was made: `{"kind": "fixed" or "split", ...}`."""
        payload = fill(BLANK_EVALUATION, facts)
        for metric in payload["metrics"]:
            number = encode_number(metric.get("value"))
            metric["value"] = metric.get("value") if number is None else number
        self._keep("run.evaluated", {**payload, "set": {**fill(BLANK_SET, set)}})

    @_guarded
    def record(self, event_type: str, payload: Mapping[str, Any], **facts: Unpack[EventFacts]) -> Optional[str]:
        """Records an event of the caller's own making; returns its id, or None where it was not accepted."""
        return self._keep(event_type, plain(payload), plain(facts))

    def flush(self, limit_s: Optional[float] = None) -> Delivery:
        """Waits until all accepted so far is delivered, at most `limit_s` (else as long as `finish` would)."""
        if self._recorder is not None and not self._recorder.is_disowned:
            self._recorder.flush_rows()
            self._recorder.drain(self._drain_s if limit_s is None else limit_s)
        return self._delivery()

    def finish(self, **ending: Unpack[Ending]) -> Delivery:
        """Ends the run well, and waits until all is delivered, at most `drain_s`."""
        return self._end("run.finished", ending, {}, {})

    def fail(self, error: object, **ending: Unpack[Failure]) -> Delivery:
        """Ends a run that broke off, by an exception or a sentence that says why."""
        given = dict(ending)
        bare = {"error": describe_error(error), "exit_code": None, "signal": None}
        more = {**bare, "exit_code": given.pop("exit_code", None), "signal": given.pop("signal", None)}
        return self._end("run.failed", given, more, bare)

    def _end(self, event_type: str, given: Mapping[str, Any], more: Json, bare: Json) -> Delivery:
        """`more` are the members of this kind of ending, `bare` the same where they do not fit."""
        recorder = self._recorder
        if self._is_ended or recorder is None or not self._is_open():
            return self._delivery()
        deadline = time.monotonic() + self._drain_s
        unknown = sorted(set(given) - set(BLANK_ENDING))
        if unknown:
            self._teller.once("ending", f"an ending has no {', '.join(unknown)}: left out")
        try:
            self._attempt(lambda: self._hashing.finish(self._drain_s))
            self._is_ended = True
            facts = self._attempt(
                lambda: fill(BLANK_ENDING, {name: given[name] for name in BLANK_ENDING if name in given})
            )
            payloads = [{**more, **(facts or BLANK_ENDING)}, {**more, **BLANK_ENDING}, {**bare, **BLANK_ENDING}]
            self._attempt(lambda: recorder.end(event_type, payloads))
            self._attempt(lambda: recorder.drain(max(0.0, deadline - time.monotonic())))
            self._attempt(lambda: recorder.sync(max(0.1, deadline - time.monotonic())))
        finally:
            # Also where somebody loses patience and interrupts the wait.
            self._is_ended = True
            self._attempt(self._tell_or_close)
        return self._delivery()

    def _tell_or_close(self) -> None:
        delivery = self._delivery()
        if delivery.complete and self._recorder is not None:
            self._recorder.close()
        elif self._command:
            left = f"{delivery.spooled} events are still spooled in {delivery.folder}"
            self._teller.once("spooled", f"{left}; to send them: {self._command}")

    def _attempt(self, work: Callable[[], Result]) -> Optional[Result]:
        try:
            return work()
        except Exception as error:
            self._teller.once("fault", f"something could not be recorded: {words_of(error)}")
            return None

    def _delivery(self) -> Delivery:
        return Delivery(True, 0, 0, None) if self._recorder is None else self._recorder.delivery()

    def _is_open(self) -> bool:
        if self._is_ended:
            self._teller.once("ended", "the run has ended: what is logged now is left out")
            return False
        if self._recorder is not None and self._recorder.is_disowned:
            self._teller.once("forked", "a forked child records nothing: the run is its parent's")
            return False
        return True

    def _keep(self, event_type: str, payload: Json, facts: Optional[Json] = None) -> Optional[str]:
        if self._recorder is None:
            return None
        return self._recorder.record({**(facts or {}), "type": event_type, "payload": payload})

    def _with_content(self, hash: bool, payload: Json, record: Callable[[Optional[PathContent]], None]) -> None:
        """Hashes in the background where that is asked for, then records; without a digest where hashing fails."""
        if hash and payload["path"] is not None and payload["digest"] is None:
            self._hashing.add(str(payload["path"]), record)
        else:
            record(None)

    def _register(self, kind: Any, location: Any, digest: Optional[str], content: Optional[PathContent]) -> None:
        if digest is not None:
            payload = {**describe_content(content), "kind": kind, "location": location, "run": self.id}
            self._keep("artifact.registered", payload, {"stream": f"artifact/{digest}"})
