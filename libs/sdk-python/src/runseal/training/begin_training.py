"""Starts the run of a training, or the next attempt of one that is resumed, and finds out beside it what went in."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Any, Optional

from ..configuration.training_config import read_parameters
from ..environment import Environment, read_environment
from ..events.payloads import fill
from ..recording.offered_run import take_offer
from ..recording.run import Run
from ..recording.start import start_run
from ..recording.wrapped import find_wrapped
from .find_facts import find_facts
from .resume_note import Note, read_note
from .trainer_facts import (
    describe_trainer,
    model_parameters,
    objective_of,
    resolved_arguments,
    total_epochs,
    total_steps,
)
from .training import Training

Json = dict[str, Any]


def begin_training(objects: Json, options: Json) -> Optional[Training]:
    """The training that begins, already recorded as begun; None where nothing is to be recorded (RUNSEAL_DISABLED).

    `objects` are what the trainer hands its callbacks, `options` what `RunsealCallback` was given. Raises a ConfigError.
    """
    args = objects["args"]
    environment = read_environment()
    wrapped = find_wrapped(environment)
    told = wrapped.parameters() if wrapped is not None else {}
    if wrapped is not None:
        stated = wrapped.stated()
        options = {**options, **{name: options.get(name) or stated.get(name) for name in ("base_model", "dataset")}}
    told = told or read_parameters(sys.argv)
    offered = take_offer()
    run, note = (offered.run, None) if offered is not None else _start(objects, options, told, environment)
    if run._recorder is None:
        return None
    parameters = {**told, **resolved_arguments(args), **model_parameters(objects.get("model"))}
    objective = objective_of(args, told) if offered is not None else None
    if objective is not None:
        # A run that is already started learns it by the name that LLaMA-Factory has for it.
        parameters.setdefault("stage", objective)
    run.log_parameters(parameters)
    training = Training(run, objects, note, wrapped, parameters)
    training.obeys_stop = _obeys_stop(run, options, environment)
    training.begin()
    _settle_filter(training, args, environment)
    beside = {**options, "wrapped": wrapped, "parameters": parameters, "found": training.found}
    beside["told"] = offered.told if offered is not None else frozenset()
    training.finding = _find_beside(run, objects, beside)
    return training


def _start(objects: Json, options: Json, told: Json, environment: Environment) -> tuple[Run, Optional[Note]]:
    args, state = objects["args"], objects["state"]
    step = int(state.global_step)
    note = read_note(str(args.output_dir))
    given = {
        name: value
        for name, value in options.items()
        if name not in ("base_model", "dataset", "experiment", "on_alert")
    }
    attached = given.get("run_id") or environment.run_id
    if attached is None and step > 0 and note is not None and step in note.checkpoints:
        attached = given["run_id"] = note.run
    own = note if note is not None and note.run == attached else None
    resumes = {"attempt": own.checkpoints.get(step, own.attempt) if own else None, "step": step} if step > 0 else None
    experiment = options.get("experiment") or environment.experiment or _name_of(str(args.output_dir))
    facts: Json = {
        "name": _run_name(args),
        "objective": objective_of(args, told),
        "trainer": describe_trainer(args),
        "resumes": resumes,
        "total_steps": total_steps(state),
        "total_epochs": total_epochs(args, state),
        "processes": int(getattr(args, "world_size", 1) or 1),
        "output_dir": str(args.output_dir),
        # Whoever calls is the first of all processes, whatever a scheduler's variables say.
        "rank": 0,
    }
    return start_run(experiment, **fill(facts, given)), own


def _obeys_stop(run: Run, options: Json, environment: Environment) -> bool:
    told = options.get("on_alert") or environment.on_alert
    if told not in (None, "stop"):
        line = f'on_alert (RUNSEAL_ON_ALERT): found {told!r}, wanted "stop": the training is not stopped on request'
        run._teller.once("on_alert", line)
    return bool(told == "stop")


def _settle_filter(training: Training, args: Any, environment: Environment) -> None:
    """Says whether the trainer hides losses that are not finite, and keeps it from that where that is asked for."""
    is_on = getattr(args, "logging_nan_inf_filter", None)
    if not isinstance(is_on, bool):
        return
    what = "the trainer leaves losses that are not finite out of what it logs" if is_on else None
    training.annotate("nan_inf_filter", what, is_on)
    if environment.raw_loss == "1" and is_on:
        args.logging_nan_inf_filter = False
        training.annotate("raw_loss", "switched off by RUNSEAL_RAW_LOSS: losses are logged as they are", True)


def _find_beside(run: Run, objects: Json, options: Json) -> Optional[threading.Thread]:
    # Not on the thread: a fork in the middle of an import leaves the child half a module.
    import hashlib
    import importlib.metadata
    import platform
    import subprocess

    _ = (hashlib, importlib.metadata, platform, subprocess)
    thread = threading.Thread(target=find_facts, args=(run, objects, options), name="runseal-facts", daemon=True)
    with suppress(RuntimeError):
        thread.start()
        return thread
    find_facts(run, objects, options)
    return None


def _run_name(args: Any) -> Optional[str]:
    name = getattr(args, "run_name", None)
    return name[:250] if isinstance(name, str) and name and name != args.output_dir else None


def _name_of(folder: str) -> str:
    return os.path.basename(os.path.abspath(folder)) or "training"
