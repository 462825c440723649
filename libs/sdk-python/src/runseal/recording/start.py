"""Starts a run, or an attempt of a run that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..config import Config, ConfigError, check_run_id, read_config
from ..delivery.door import Door
from ..delivery.heartbeat import Heartbeat
from ..environment import Environment, read_environment
from ..events.event import Invalid
from ..events.payloads import BLANK_ATTEMPT, BLANK_RUN, Json, fill
from ..ids import uuid7
from ..say import Teller
from ..spool.places import choose_spool
from .drafting import complete_event, draft_of
from .recorder import Recorder
from .run import Run
from .wrapped import Left, Wrapped, find_wrapped

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..events.facts import StartOptions

_CLIENT = ("url", "api_key", "spool_dir", "spool_limit_bytes", "drain_s", "ca_file", "say")
_OWN = ("run_id", "rank", "output_dir", "on_receipts")


def start_run(experiment: Optional[str] = None, **options: Unpack[StartOptions]) -> Run:
    """Starts a run of an experiment (RUNSEAL_EXPERIMENT), or with `run_id` (RUNSEAL_RUN_ID) an attempt of one that exists.

    Raises a ConfigError for wrong arguments only, all faults at once; an unreachable server or a full disk costs one line.
    What the handle then accepts lies in the spool and is delivered in the background. Of several ranks only 0 records.
    """
    environment = read_environment()
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    faults = [f"there is no argument {name}" for name in sorted(set(given) - _known_names())]
    is_recording = environment.disabled != "1" and _rank(given, environment) == "0"
    attach_to = check_run_id(given.get("run_id") or environment.run_id, faults)
    experiment = experiment or environment.experiment
    if is_recording and attach_to is None and not experiment:
        faults.append("experiment (RUNSEAL_EXPERIMENT) is missing")
    config = read_config(environment, faults, **{name: given[name] for name in _CLIENT if name in given})
    teller = Teller(config.say)
    run = attach_to or uuid7()
    if not is_recording:
        return Run(run, uuid7(), None, teller, 0.0)
    started = {**_pick(BLANK_RUN, given), "experiment": experiment, "recorded": "live"}
    events = [{"type": "run.attempt-started", "payload": _pick(BLANK_ATTEMPT, given)}]
    if attach_to is None:
        events.insert(0, {"type": "run.started", "payload": started})
    _check(events)
    is_chosen = "spool_dir" in given or environment.spool_dir is not None
    config = config._replace(spool_dir=choose_spool(config.spool_dir, is_chosen, given.get("output_dir"), teller))
    wrapped = None if "run_id" in given else find_wrapped(environment)
    if wrapped is not None:
        return _join(config, run, teller, events[-1], wrapped)
    return _start(config, run, teller, events, given.get("on_receipts"))


def _join(config: Config, run: str, teller: Teller, attempt: Json, wrapped: Wrapped) -> Run:
    """Records into the attempt that `runseal run` started above this process; a second one after it starts its own."""
    recorder = Recorder(config, run, teller)
    if recorder.courier is not None:
        # The attempt must be sealed before what names it.
        recorder.courier.may_send = wrapped.has_begun
    is_first = wrapped.claim(recorder.producer)
    recorder.attempt = attempt["id"] = wrapped.attempt if is_first else uuid7()
    wrapped.leave(Left(recorder.producer, recorder.folder, recorder.attempt))
    if not is_first:
        recorder.record(attempt)
    # What is left at the end is the wrapper's to deliver and to tell, and that the run is alive, as long as it lives itself.
    handle = Run(run, recorder.attempt, recorder, teller, config.drain_s, wrapped=wrapped)
    handle.heart = _make_heart(handle, config, teller)
    if handle.heart is not None:
        handle.heart.is_due = lambda: wrapped.is_orphaned
        handle.heart.start()
    return handle


def _start(config: Config, run: str, teller: Teller, events: list[Json], on_receipts: Any) -> Run:
    command = _command(config.spool_dir)
    if config.url is None or config.api_key is None:
        missing = "RUNSEAL_URL" if config.url is None else "RUNSEAL_API_KEY"
        teller.once("no server", f"no {missing}: recording to {config.spool_dir} only; to send it later: {command}")
        command = ""
    recorder = Recorder(config, run, teller, on_receipts)
    attempt = uuid7()
    recorder.attempt = attempt
    events[-1]["id"] = attempt
    for event in events:
        recorder.record(event)
    handle = Run(run, attempt, recorder, teller, config.drain_s, command)
    handle.heart = _make_heart(handle, config, teller)
    if handle.heart is not None:
        handle.heart.start()
    return handle


def _make_heart(run: Run, config: Config, teller: Teller) -> Optional[Heartbeat]:
    """So that a run whose process dies without a word is not taken for running for ever."""
    if config.url is None or config.api_key is None:
        return None
    return Heartbeat(
        Door(config.url, config.api_key, config.ca_file, timeout_s=5.0),
        run.id,
        lambda: {"attempt": run.attempt, "phase": "train"},
        lambda: run.tell_stop("the training's loop is told by run.stop_requested", None),
        teller,
    )


def _command(spool_dir: str) -> str:
    import shlex

    return f"runseal spool send {shlex.quote(spool_dir)}"


def _known_names() -> set[str]:
    return {*_CLIENT, *_OWN, *BLANK_RUN, *BLANK_ATTEMPT}


def _rank(given: Mapping[str, Any], environment: Environment) -> str:
    return str(given.get("rank", environment.rank or 0))


def _pick(blank: Json, given: Mapping[str, Any]) -> Json:
    return fill(blank, {name: value for name, value in given.items() if name in blank})


def _check(events: list[Json]) -> None:
    """Wrong facts are the caller's bug and the last that may raise."""
    found = [draft_of(complete_event(uuid7(), event)) for event in events]
    faults = [one.detail for one in found if isinstance(one, Invalid)]
    if faults:
        raise ConfigError(faults)
