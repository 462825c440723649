"""The document's audit logger: the same calls and the same file, and everything lands in the ledger."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union, cast

from ..config import ConfigError
from ..environment import read_environment
from ..files.hash_path import hash_path
from ..ids import uuid7
from ..recording.offered_run import offer, withdraw
from ..recording.run import Run
from ..recording.start import start_run
from ..recording.unfinished import forget, remember
from ..say import Teller, say_on_stderr, words_of
from ..surroundings.machine import describe_determinism, describe_hardware, describe_packages
from .audit_facts import Told, read_input, read_output
from .audit_record import AuditRecord

Json = dict[str, Any]
Path_ = Union[str, "os.PathLike[str]"]

#: How long `save` waits for digests; what is not known by then stands in the file that the end of the run writes.
_HASH_WAIT_S = 600.0

Method = TypeVar("Method", bound=Callable[..., Any])


class _Entry(NamedTuple):
    section: str
    name: str
    path: str
    told: Told


def _guarded(method: Method) -> Method:
    """Nothing that goes wrong here reaches the training."""

    @wraps(method)
    def call(self: AuditLogger, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except Exception as error:
            self._teller.once(method.__name__, f"{method.__name__} could not be recorded: {words_of(error)}")
            return None

    return cast(Method, call)


class AuditLogger:
    """Records inputs, outputs and environment of a run of an experiment. No method raises.

    The run starts with the first call and ends when the process does: finished, or failed by the exception that ends it. A
    `RunsealCallback` or `AuditCallback` in the same process goes on with it. Paths are hashed in the background; one that is
    not there yet is hashed when the record is saved, or at the end of the run.
    """

    def __init__(self, experiment_id: str, output_dir: Path_, **options: Any) -> None:
        """`options` are those of `runseal.start_run`."""
        self.experiment_id = experiment_id
        self.output_dir = Path(output_dir)
        self._options = options
        self._teller = Teller(options.get("say") or say_on_stderr)
        self._record = AuditRecord(str(experiment_id))
        self._run: Optional[Run] = None
        self._entries: list[_Entry] = []
        #: What was not there when it was told.
        self._held: list[_Entry] = []
        self._is_saved = False
        rank = options.get("rank")
        self._is_first = str(read_environment().rank or 0 if rank is None else rank) == "0"

    @property
    def run(self) -> Run:
        """The run, for all else that is to be recorded. It does nothing where nothing is recorded."""
        if self._run is None:
            self._run = self._start()
        return self._run

    @property
    def audit_record(self) -> Json:
        """The record so far; what is written into it stands in the file too. Digests come as they become known."""
        return self._record.value

    @property
    def told(self) -> frozenset[str]:
        return frozenset(entry.told.kind for entry in self._entries if entry.section == "input_artifacts")

    @_guarded
    def log_input(self, name: str, path: Path_, metadata: Optional[Mapping[str, Any]] = None) -> None:
        """Records a file or folder that goes in: `base_model`, `dataset`, `config`, or whatever the name says."""
        given = metadata or {}
        self._log("input_artifacts", read_input(name, os.fspath(path), given), (name, os.fspath(path), given))

    @_guarded
    def log_output(self, name: str, path: Path_, metadata: Optional[Mapping[str, Any]] = None) -> None:
        """Records a file or folder that comes out: `adapter`, `training_args`, or whatever the name says."""
        given = metadata or {}
        self._log("output_artifacts", read_output(name, os.fspath(path), given), (name, os.fspath(path), given))

    @_guarded
    def log_environment(self, **facts: Any) -> None:
        """Records versions, hardware and determinism as they are now; `facts` (seeds and the like) beside them."""
        found: Json = {**describe_packages(), "determinism": describe_determinism()}
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            count = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
            found["hardware"] = describe_hardware(1, count, None)
        self.run.log_environment(**{**found, **facts})
        versions = found["versions"]
        # Where the document's code has them.
        self._record.value["reproducibility"].update(
            python_version=sys.version,
            torch_version=versions.get("torch"),
            cuda_version=found.get("hardware", {}).get("cuda_version"),
            transformers_version=versions.get("transformers"),
        )

    def save(self) -> Path:
        """Writes `audit_record.json` into the output folder, without waiting for the network, and returns its path. It is
        written again, complete, when the run ends."""
        self._is_saved = True
        self._save()
        return self._path

    @_guarded
    def keep_file(self) -> None:
        """Starts the run, if nothing has, and has the file written when it ends."""
        self._is_saved = True
        _ = self.run

    @_guarded
    def trained(self, **progress: Any) -> None:
        """How far the training came."""
        self._record.tell_progress(progress)

    @_guarded
    def finish(self, **ending: Any) -> None:
        """Ends the run now, not when the process ends."""
        self.run.finish(**{**self._progress(), **ending})

    def end(self, error: Optional[BaseException] = None) -> None:
        self._end(error)

    def taken(self) -> None:
        forget(self)

    def ending(self) -> None:
        """The run ends: what was told and never came is recorded without a digest."""
        forget(self)
        withdraw(self)
        self._send_held(is_last=True)

    def saw(self, event_type: str, payload: Json) -> None:
        self._record.saw(event_type, payload)

    def saw_row(self, kind: str, step: Any, values: Mapping[str, Any]) -> None:
        self._record.saw_row(kind, step, values)

    def ended(self) -> None:
        if self._is_saved:
            self._write()

    @property
    def _path(self) -> Path:
        return self.output_dir / "audit_record.json"

    def _start(self) -> Run:
        trainer = _trainer_here()
        options = {"output_dir": str(self.output_dir), "trainer": trainer, **self._options}
        try:
            run = start_run(self.experiment_id, **options)
        except Exception as error:
            faults = "; ".join(error.faults) if isinstance(error, ConfigError) else words_of(error)
            self._teller.once("start", f"nothing is recorded in the ledger, only the file is written: {faults}")
            run = Run(uuid7(), uuid7(), None, self._teller, 0.0)
        run.observer = self
        self._record.begin(run.id, trainer)
        if run._recorder is not None:
            remember(self)
            offer(self)
        return run

    def _log(self, section: str, told: Told, given: tuple[str, str, Mapping[str, Any]]) -> None:
        name, path, metadata = given
        self._record.tell(section, name, path, {**metadata, **told.found})
        entry = _Entry(section, name, path, told)
        self._entries.append(entry)
        if told.rest:
            self.run.log_parameters({f"audit.{section}.{name}": told.rest})
        if told.is_path and not os.path.exists(path):
            self._teller.once(f"held {path}", f"{path} is not there yet: it is hashed when the record is saved")
            self._held.append(entry)
        else:
            self._send(entry)

    def _send(self, entry: _Entry) -> None:
        kind, facts, is_there = entry.told.kind, entry.told.facts, os.path.exists(entry.path)
        if entry.section == "output_artifacts":
            self.run.log_output(kind, hash=is_there, check_tensors=is_there and kind == "weights", **facts)
        else:
            self.run.log_input(kind, hash=is_there, profile=is_there and kind == "dataset", **facts)

    def _send_held(self, is_last: bool = False) -> None:
        held, self._held = self._held, []
        for entry in held:
            if is_last or os.path.exists(entry.path):
                self._send(entry)
            else:
                self._held.append(entry)

    @_guarded
    def _save(self) -> None:
        run = self.run
        self._send_held()
        if not self._is_first:
            return
        run.wait_for_hashes(_HASH_WAIT_S)
        self._hash_here()
        if not run._is_ended:
            self._record.tell_saved()
        self._write()

    def _hash_here(self) -> None:
        """What nobody hashed in the background: where nothing is recorded, the file has its digests all the same."""
        for entry in self._entries:
            if not entry.told.is_path or self._record.is_hashed(entry.section, entry.path):
                continue
            if self.run._recorder is not None and not self.run._is_ended:
                continue
            digest = self._compute_hash(entry.path)
            if digest is not None:
                self._record.tell_hash(entry.section, entry.path, digest)

    def _compute_hash(self, path: str) -> Optional[str]:
        """The digest of a file, or of a folder's manifest; None where it cannot be read."""
        try:
            return hash_path(path).digest
        except (OSError, ValueError) as error:
            self._teller.once(f"hash {path}", f"{path} has no digest: {error}")
            return None

    @_guarded
    def _write(self) -> None:
        if not self._is_first:
            return
        text = json.dumps(self._record.copy(), indent=2, ensure_ascii=False, allow_nan=False)
        os.makedirs(self.output_dir, exist_ok=True)
        # Whoever reads it sees the old one or the new one.
        beside = self.output_dir / f".audit_record.{uuid7()}.tmp"
        beside.write_text(f"{text}\n", encoding="utf-8", errors="replace")
        os.replace(beside, self._path)

    @_guarded
    def _end(self, error: Optional[BaseException]) -> None:
        facts = self._progress()
        if error is None:
            self.run.finish(**facts)
        elif isinstance(error, KeyboardInterrupt):
            self.run.fail(error, signal="SIGINT", **facts)
        else:
            self.run.fail(error, **facts)

    def _progress(self) -> Any:
        """What the caller wrote into the record of how far the training came."""
        training = self._record.value.get("training_record")
        progress = training.get("progress") if isinstance(training, dict) else None
        known = progress if isinstance(progress, dict) else {}
        names = ("total_steps", "completed_steps", "epochs_completed")
        return {name: known[name] for name in names if known.get(name) is not None}


def _trainer_here() -> Optional[Json]:
    """Whose trainer is loaded in this process."""
    from importlib import metadata

    for package, name in (("llamafactory", "llama_factory"), ("transformers", "transformers")):
        if package in sys.modules:
            try:
                version: Optional[str] = metadata.version(package)
            except Exception:
                version = None
            return {"name": name, "version": version}
    return None
