"""`runseal run`: a command, recorded from its start to its end whatever ends it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from typing import Any, Callable, Optional

from ..config import Config
from ..configuration.launch import Launch, expanded_command
from ..environment import child_variables
from ..events.payloads import Json
from ..recording.run import Run
from ..recording.wrapped import Wrapped
from ..say import Teller, words_of
from ..training.earlier_run import Resumed, find_resumed, mark_begun, mark_ended
from ..training.folder_watch import FolderWatch
from .child_process import Child, Exit, start_failure
from .end import deliver_left, end_run, leave_receipt, record_final_outputs
from .hurry import Hurry
from .launch_inputs import has_datasets, masked_values, record_config, record_datasets
from .lead_run import LeadRun
from .log_capture import LogCapture
from .run_ending import decide_ending
from .stand_in import StandIn
from .start import Receipts, Wish, start_wrapped_run

#: Share of the spool's limit that the texts of logs may take.
_TEXTS_SHARE = 0.25
_LOOK_S = 2.0
_BESIDE_S = 60.0
#: Stands in front of PYTHONPATH for everything that is started.
HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook")


def run_wrapped(launch: Launch, wish: Wish, config: Config) -> int:
    """Runs the command and returns its exit code. Nothing of ours stops it: where the recording fails, it runs unrecorded.

    Raises a ConfigError before the command starts where the wish cannot be recorded.
    """
    output_dir = wish.output_dir or launch.output_dir
    resumed = find_resumed(launch, output_dir, wish.run)
    receipts = Receipts()
    # First what may fail without harm.
    folder = tempfile.mkdtemp(prefix="runseal-")
    run = start_wrapped_run(launch, wish, config, resumed, receipts, output_dir)
    wrapper = _Wrapper(run, launch, config, output_dir, resumed, folder)
    wrapper.receipts = receipts
    receipts.when(run.attempt, Wrapped(folder, run.attempt).tell_begun)
    return wrapper.work(wish)


class _Wrapper:
    def __init__(
        self,
        run: Run,
        launch: Launch,
        config: Config,
        output_dir: Optional[str],
        resumed: Optional[Resumed],
        folder: str,
    ) -> None:
        """`folder`: private, for what must not outlive the command."""
        self.receipts = Receipts()
        self._facts: Json = {}
        self._run = run
        self._lead = LeadRun(run)
        self._launch = launch
        self._output_dir = output_dir
        self._resumed = resumed
        self._teller = Teller(config.say)
        place = self._lead.folder
        self._config = config if place is None else config._replace(spool_dir=os.path.dirname(place))
        self._folder = folder
        self._wrapped = Wrapped(folder, run.attempt)
        self._began_at = time.time()
        self._phase: Optional[str] = None
        self._watch: Optional[FolderWatch] = None
        self._is_over = threading.Event()
        self._is_hurried = threading.Event()
        self._claimed_here = False

    def work(self, wish: Wish) -> int:
        self._facts = wish.facts
        self._take_heart(wish.obeys_stop)
        if wish.preflight is not None:
            names = ", ".join(wish.preflight)
            self._remark("preflight", names or "nothing is wrong", len(wish.preflight))
        try:
            self._attempt(self._prepare)
            self._run.tell_begin()
            end = self._run_command()
            with Hurry(self._is_hurried):
                self._attempt(lambda: self._finish(end))
            return end.code
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        """What must be there before the command starts; what can wait is recorded beside it."""
        launch = self._launch
        if launch.config is not None and launch.is_llama_factory:
            self._wrapped.leave_parameters(masked_values(launch.config))
        self._wrapped.leave_stated(self._facts)
        self._wrapped.tell_leader()
        if has_datasets(launch):
            self._wrapped.take("datasets")
        if launch.config_path is not None:
            self._wrapped.take("config")
        if self._output_dir is not None:
            own = self._resumed.own if self._resumed is not None else frozenset()
            self._watch = FolderWatch(self._output_dir, own=own)
            if self._resumed is not None and self._resumed.step is not None:
                self._watch.after_step = self._resumed.step

    def _run_command(self) -> Exit:
        command = self._launch.command
        try:
            command = expanded_command(self._launch, self._folder)
        except OSError as error:
            self._teller.once("expand", f"the configuration is handed over as it stands, with its ${{...}}: {error}")
        try:
            child = Child(command, self._variables())
        except OSError as error:
            end = start_failure(error)
            self._teller.once("start", f"{command[0]}: {end.why}")
            return end
        stand_in = StandIn(*child.outputs)
        self._attempt(stand_in.start)
        capture = self._capture(child)
        beside = threading.Thread(target=lambda: self._attempt(self._beside), name="runseal-watch", daemon=True)
        beside.start()
        end = child.wait()
        self._phase = "hash"
        self._is_over.set()
        stand_in.release(self._attempt(capture.finish) is True)
        # A short command ends before all is told of what went in.
        beside.join(_BESIDE_S)
        # From here on a signal is for us: the command has ended.
        child.let_go()
        return end

    def _variables(self) -> dict[str, str]:
        config = self._config
        own = {
            "RUNSEAL_RUN_ID": self._run.id,
            "RUNSEAL_ATTEMPT_ID": self._run.attempt,
            "RUNSEAL_WRAPPER_DIR": self._folder,
            "RUNSEAL_SPOOL_DIR": config.spool_dir,
            "RUNSEAL_URL": config.url,
            "RUNSEAL_API_KEY": config.api_key,
            "RUNSEAL_CA_FILE": config.ca_file,
        }
        return child_variables(own, HOOK)

    def _capture(self, child: Child) -> LogCapture:
        def record(payload: Json) -> object:
            return self._run.record("run.log-captured", {"attempt": self._attempt_now(), **payload})

        limit = self._config.spool_limit_bytes * _TEXTS_SHARE
        capture = LogCapture(record, self._lead.refuse_logs, self._lead.folder or self._config.spool_dir, limit)
        capture.start(*child.outputs)
        return capture

    def _take_heart(self, obeys_stop: bool) -> None:
        """What the run's heartbeats tell is from here on what the command does."""
        if self._run.heart is not None:
            self._run.heart.pulse = self._pulse
            self._run.heart.on_stop = lambda: self._stop_requested(obeys_stop)

    def _pulse(self) -> Json:
        return {"attempt": self._attempt_now(), "phase": self._phase or self._wrapped.phase or self._seen_phase()}

    def _stop_requested(self, obeys_stop: bool) -> None:
        what = "it is asked to stop after its step" if obeys_stop else "it goes on: --on-alert stop lets it be stopped"
        self._run.tell_stop(what, obeys_stop, self._attempt_now())
        if obeys_stop:
            self._wrapped.request_stop()

    def _remark(self, name: str, text: str, value: Any) -> None:
        payload = {"attempt": self._attempt_now(), "name": name, "text": text, "value": value}
        self._run.record("run.annotated", payload)

    def _seen_phase(self) -> str:
        return "load" if self._watch is None or self._watch.last_row is None else "train"

    def _attempt_now(self) -> str:
        """The newest attempt: a second training below us starts its own."""
        left = [one for one in self._wrapped.read_left() if one.attempt is not None]
        return str(left[-1].attempt) if left else self._run.attempt

    def _beside(self) -> None:
        """While the command is at work: what went in, then what the files tell as long as nobody does from inside."""
        self._attempt(lambda: record_config(self._run, self._launch, self._lead.folder or self._config.spool_dir))
        if self._launch.config is not None:
            values = masked_values(self._launch.config)
            self._attempt(lambda: self._run.log_parameters(values))
        if has_datasets(self._launch):
            self._attempt(lambda: record_datasets(self._run, self._launch, self._facts))
        is_marked = False
        while not self._is_over.wait(_LOOK_S):
            if not is_marked and self._output_dir is not None and os.path.isdir(self._output_dir):
                mark_begun(self._output_dir, self._run.id)
                is_marked = True
            self._attempt(self._look)

    def _look(self) -> None:
        watch = self._watch
        if watch is None:
            return
        watch.look()
        if not self._claimed_here and watch.has_rows and not self._wrapped.is_claimed:
            # Rows, and nobody inside who records: then it is for us to do so, from the first one on.
            self._claimed_here = self._wrapped.claim("files")
        if self._claimed_here:
            watch.record(self._run)
        elif self._wrapped.is_claimed:
            watch.forget()

    def _finish(self, end: Exit) -> None:
        left = self._wrapped.read_left()
        last = left[-1] if left else None
        self._attempt(self._look)
        attempt = (last.attempt if last is not None else None) or self._run.attempt
        from_files: Json = {}
        if self._watch is not None:
            watch = self._watch
            if self._claimed_here or not self._wrapped.is_claimed:
                self._attempt(lambda: watch.settle(self._run))
            from_files = self._attempt(lambda: watch.ending(self._launch.values, attempt)) or {}
        ending = decide_ending(end, last, from_files)
        began_at = 0.0 if self._resumed is not None else self._began_at
        if ending.event_type == "run.finished" and self._output_dir is not None:
            folder = self._output_dir
            self._attempt(lambda: record_final_outputs(self._run, folder, self._launch.values, began_at))
        began = time.monotonic()
        waiting = deliver_left(self._run, left, self._config)
        self._lead.has_waited(time.monotonic() - began)
        self._lead.wait_for_hashes(self._is_hurried.is_set)
        end_run(self._lead, end, ending, left, attempt)
        self._run.tell_end(ending.event_type.partition(".")[2], self._lead.delivery.spooled + waiting)
        if self._output_dir is not None and os.path.isdir(self._output_dir):
            mark_ended(self._output_dir, self._run.id, ending.event_type.partition(".")[2])
            leave_receipt(self._output_dir, self._lead, attempt, self.receipts.newest, waiting, self._config)

    def _attempt(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            self._teller.once("fault", f"something could not be recorded: {words_of(error)}")
            return None
