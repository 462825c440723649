"""`runseal watch`: follows a training of somebody else's process by the files in its output folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import suppress
from typing import Any

from ..config import Config
from ..receipt import Receipt
from ..recording.run import Run
from ..recording.start import start_run
from ..training.folder_watch import FolderWatch
from ..wrapper.end import leave_receipt, record_final_outputs
from ..wrapper.lead_run import LeadRun
from .command_line import UNDETERMINED, YES, Commands, read_client_config

_LOOK_S = 2.0
#: A folder that holds still for so long after training is done: evaluation and saving come after it.
_QUIET_S = 30.0
_IDLE_S = 1800.0


def add_command(commands: Commands, everywhere: argparse.ArgumentParser) -> None:
    watch = commands.add_parser(
        "watch",
        parents=[everywhere],
        help="follow a training that runs already, by the files in its output folder",
        epilog="example: runseal watch saves/support-lora --experiment support-bot. Weaker than runseal run: a trainer's files "
        "have no clock and say little of what went in. Exit codes: 0 the training was followed to its end, 2 it broke off, "
        "fell silent, or the watching was interrupted.",
    )
    watch.add_argument("dir", metavar="DIR", help="the output folder; it need not be there yet")
    watch.add_argument("--experiment", help="what the run belongs to; else the folder's name")
    watch.add_argument("--model", help="the model that comes of it: the name in the registry")
    watch.add_argument("--name", help="what people call the run")
    watch.add_argument(
        "--idle", type=float, default=_IDLE_S, metavar="SECONDS", help="give up when nothing changes for so long (1800)"
    )
    watch.add_argument(
        "--quiet", type=float, default=_QUIET_S, metavar="SECONDS", help="how long the end of a training must last (30)"
    )
    watch.set_defaults(work=work)


def work(options: argparse.Namespace) -> int:
    config = read_client_config(options)
    receipts: list[Receipt] = []
    run = _start(options, config, receipts)
    lead = LeadRun(run)
    if not lead.is_recorded:
        return UNDETERMINED
    print(f"runseal: following {options.dir} as run {run.id}", file=sys.stderr)
    watch = FolderWatch(options.dir, is_from_start=True)
    if run.heart is not None:
        run.heart.pulse = lambda: {"attempt": run.attempt, "phase": "load" if watch.last_row is None else "train"}
        run.heart.on_stop = lambda: run.tell_stop("who follows it by its files cannot stop it", False)
    try:
        has_ended = _follow(run, watch, options)
        code = _end(run, watch, options, has_ended)
    except KeyboardInterrupt:
        run.flush()
        print(f"runseal: no longer followed; run {run.id} is left without an end", file=sys.stderr)
        return UNDETERMINED
    folder = os.path.dirname(lead.folder or "")
    if os.path.isdir(options.dir) and os.access(options.dir, os.W_OK):
        leave_receipt(options.dir, lead, run.attempt, receipts, 0, config._replace(spool_dir=folder))
    return code


def _start(options: argparse.Namespace, config: Config, receipts: list[Receipt]) -> Run:
    def keep_newest(some: list[Receipt]) -> None:
        receipts[:] = some[-1:]

    name = os.path.basename(os.path.abspath(options.dir))
    facts: Any = {
        "url": config.url,
        "api_key": config.api_key,
        "ca_file": config.ca_file,
        "drain_s": config.drain_s,
        "name": options.name,
        "target_model": options.model,
        "output_dir": options.dir,
        "on_receipts": keep_newest,
        "rank": 0,
    }
    return start_run(options.experiment or name, **facts)


def _follow(run: Run, watch: FolderWatch, options: argparse.Namespace) -> bool:
    """True when training has ended and the folder holds still; False when nothing happens any more."""
    before: Any = None
    changed_at = time.monotonic()
    while True:
        watch.look()
        watch.record(run)
        now, stamp = time.monotonic(), watch.stamp()
        if stamp != before:
            before, changed_at = stamp, now
        if watch.has_ended and now - changed_at >= options.quiet:
            return True
        if now - changed_at >= options.idle:
            return False
        time.sleep(min(_LOOK_S, options.quiet, options.idle))


def _end(run: Run, watch: FolderWatch, options: argparse.Namespace, has_ended: bool) -> int:
    watch.settle(run)
    facts: Any = watch.ending({}, run.attempt)
    if not has_ended:
        facts.pop("final_weights", None)
        run.fail(f"no file of {options.dir} has changed for {options.idle:g} s", **facts)
        print(f"runseal: {options.dir} has fallen silent: run {run.id} is recorded as broken off", file=sys.stderr)
        return UNDETERMINED
    with suppress(OSError):
        record_final_outputs(run, options.dir, {}, 0.0)
    LeadRun(run).wait_for_hashes(lambda: False)
    run.finish(**facts)
    return YES
