"""Records what a Hugging Face trainer does: `Trainer(..., callbacks=[RunsealCallback()])`, or `report_to: runseal`."""

from __future__ import annotations

import weakref
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, cast

from transformers import TrainerCallback

from .recording.run import Run
from .recording.unfinished import end_aside
from .say import Teller, say_on_stderr, words_of
from .training.begin_training import begin_training
from .training.training import Training

if TYPE_CHECKING:
    from .document.audit_callback import AuditCallback as AuditCallback

_teller = Teller(say_on_stderr)
#: The training that is recorded in this process now; a second callback of the same trainer stands back.
_current: list[Training] = []
#: Those of this process, since a trainer may have one from `report_to` or a wrapper beside the one that its script made.
_made: list[weakref.ref[RunsealCallback]] = []

Method = TypeVar("Method", bound=Callable[..., None])


def _guarded(method: Method) -> Method:
    """Nothing that goes wrong here reaches the training."""

    @wraps(method)
    def call(self: RunsealCallback, args: Any, state: Any, control: Any, **objects: Any) -> None:
        try:
            method(self, args, state, control, **objects)
        except Exception as error:
            _teller.once(method.__name__, f"{method.__name__} could not be recorded: {words_of(error)}")

    return cast(Method, call)


class RunsealCallback(TrainerCallback):  # type: ignore[misc]
    """Records the training from its begin on: arguments, environment, inputs, rows, checkpoints, evaluations.

    The run ends when the process does, since evaluations and the final files come after the training; or with `finish`. Of
    several processes the first one records. A training that is resumed in its output folder goes on with the same run.
    """

    def __init__(
        self,
        experiment: Optional[str] = None,
        *,
        base_model: Optional[dict[str, Any]] = None,
        dataset: Optional[dict[str, Any]] = None,
        on_alert: Optional[str] = None,
        **options: Any,
    ) -> None:
        """`base_model` and `dataset` state what the trainer cannot tell (`source`, `license`, `version`, ...); `options` are
        those of `runseal.start_run`. Without `experiment` (RUNSEAL_EXPERIMENT) the output folder's name is taken. With
        `on_alert="stop"` (RUNSEAL_ON_ALERT) the server may have the training stopped."""
        told = {"base_model": base_model, "dataset": dataset, "on_alert": on_alert}
        self._options = {"experiment": experiment, **told, **options}
        self._training: Optional[Training] = None
        #: The one of the same trainer that records in this one's place.
        self._lead: Optional[RunsealCallback] = None
        #: Of the trainer that this one was given to; None where that is not known.
        self._args: Any = None
        _made[:] = [one for one in _made if one() is not None] + [weakref.ref(self)]

    @property
    def run(self) -> Optional[Run]:
        """The run that is recorded; None before the training and where nothing is."""
        training = (self._lead or self)._training
        return training.run if training is not None else None

    def finish(self) -> None:
        """Ends the run now, not when the process ends; call it when the model is saved."""
        training = (self._lead or self)._training
        if training is not None:
            training.end()

    @_guarded
    def on_init_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        self._args = args

    @_guarded
    def on_train_begin(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if not state.is_world_process_zero or any(one.state is state and not one.is_ended for one in _current):
            return
        for one in _current:
            end_aside(one)
        _current.clear()
        objects.update(args=args, state=state)
        self._training = begin_training(objects, self._lead_others(args))
        if self._training is not None:
            _current.append(self._training)

    @_guarded
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **objects: Any) -> None:
        if self._training is not None and logs:
            self._training.log(logs)

    @_guarded
    def on_step_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self._training is not None:
            self._training.stepped(control)

    @_guarded
    def on_prediction_step(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self._training is not None:
            self._training.evaluating()

    @_guarded
    def on_evaluate(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self._training is not None:
            self._training.evaluated(getattr(objects.get("eval_dataloader"), "dataset", None))

    @_guarded
    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **objects: Any) -> None:
        if self._training is not None and metrics:
            self._training.predicted(metrics, getattr(objects.get("eval_dataloader"), "dataset", None))

    @_guarded
    def on_save(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self._training is not None:
            self._training.saved()

    @_guarded
    def on_train_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self._training is not None:
            self._training.trained()

    def _lead_others(self, args: Any) -> dict[str, Any]:
        """What all callbacks of this trainer were told; where two were told the same, this one's counts. They stand back."""
        options = dict(self._options)
        for other in (one() for one in _made):
            if other is None or other is self or (other._args is not None and other._args is not args):
                continue
            other._lead = self
            options.update({name: value for name, value in other._options.items() if options.get(name) is None})
        self._lead = None
        return options


class AddedCallback(RunsealCallback):
    """What `report_to` and a wrapper add. Of two of the same class transformers would say that they are too many."""


def register() -> None:
    """Makes `report_to: runseal` (or `["runseal"]`) known to transformers. Does nothing the second time."""
    from transformers.integrations import integration_utils

    integration_utils.INTEGRATION_TO_CALLBACK.setdefault("runseal", AddedCallback)


def __getattr__(name: str) -> Any:
    # It is made of what stands here.
    if name == "AuditCallback":
        from .document.audit_callback import AuditCallback

        return AuditCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
