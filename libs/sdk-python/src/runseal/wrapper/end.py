"""The end of a recorded command: what came out of it, what its processes left to be sent, and the receipt."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Optional

from ..config import Config
from ..configuration.launch import text_or_none
from ..delivery.send_spool import send_folder
from ..events.payloads import Json
from ..receipt import Receipt
from ..recording.run import Run
from ..recording.wrapped import Left
from ..spool.layout import has_live_owner, list_segments, segment_file, write_whole
from ..spool.leftover import inspect_folder
from ..spool.outbox import read_entries
from ..training.outputs import find_outputs, record_outputs
from .child_process import Exit
from .lead_run import LeadRun
from .run_ending import RunEnding

RECEIPT_FILE = "runseal-receipt.json"
#: Of the time that the end may take, what the processes below left gets so much.
_LEFT_SHARE = 0.5


def record_final_outputs(run: Run, folder: str, values: Json, since: float) -> None:
    """Each file that a trainer writes for what it is, and the folder as a whole without checkpoints."""
    names = find_outputs(folder, since)
    if not names:
        return
    kind = text_or_none(values.get("finetuning_type"))
    has_adapter = os.path.exists(os.path.join(folder, "adapter_config.json"))
    record_outputs(run, [folder], kind or ("lora" if has_adapter else "full"), since)
    files = list_final_files(folder)
    if files:
        run.log_output("other", type="output_dir", path=files, hash=True, fresh=False)


def list_final_files(folder: str) -> list[str]:
    """Paths of all files below a folder but checkpoints and what is ours."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one != ".runseal" and not one.startswith("checkpoint-")]
        found += [os.path.join(place, name) for name in names if name != RECEIPT_FILE]
    return sorted(path for path in found if os.path.isfile(path))


def count_events(left: Left) -> Optional[int]:
    """Events that a producer counted: as it says itself, else what lies in its folder; None where nothing is known."""
    counts = [left.counted] if left.counted is not None else []
    with suppress(OSError):
        # The last segment is never deleted while its producer's folder stands.
        for number in reversed(list_segments(left.folder)):
            events, _ = read_entries(segment_file(left.folder, number), 0)
            if events:
                counts.append(max((one.event.get("producer") or {}).get("seq", -1) + 1 for one in events))
                break
    return max(counts, default=None)


def _count_waiting(left: Left) -> int:
    with suppress(OSError, ValueError):
        if not has_live_owner(left.folder):
            return inspect_folder(left.folder).pending
    return 0


def deliver_left(run: Run, left: Sequence[Left], config: Config) -> int:
    """Sends what the ended processes have not; returns how many events wait still.

    First what this process has: the server learns of the attempt before it learns of its rows.
    """
    waiting = 0
    deadline = time.monotonic() + config.drain_s * _LEFT_SHARE
    is_away = bool(left) and run.flush(config.drain_s * _LEFT_SHARE).spooled > 0
    for one in left:
        if config.url is None or config.api_key is None or is_away:
            waiting += _count_waiting(one)
            continue
        limit_s = max(0.0, deadline - time.monotonic())
        waiting += _send(one, config._replace(drain_s=limit_s))
    return waiting


def _send(left: Left, config: Config) -> int:
    """How many of a folder's events wait still, at least one where that cannot be told: nothing unknown counts as delivered."""
    try:
        result = send_folder(config, left.producer)
    except Exception:
        return max(1, _count_waiting(left))
    return result.pending if result.outcome in ("delivered", "deleted") else max(1, result.pending)


def end_run(lead: LeadRun, end: Exit, ending: RunEnding, left: Sequence[Left], attempt: str) -> None:
    """Seals the end with the counts of all producers."""
    run = lead.run
    counts = [(one.producer, count_events(one)) for one in left]
    # One that recorded nothing is none.
    run.count_too([{"id": producer, "count": count} for producer, count in counts if count])
    lead.end_in(attempt)
    facts: Any = ending.facts
    if ending.event_type == "run.killed":
        run.kill(str(ending.error or "killed"), signal=end.signal, **facts)
    elif ending.event_type == "run.failed":
        more: Any = {} if end.signal is None else {"signal": end.signal}
        run.fail(ending.error, exit_code=end.code, **more, **facts)
    else:
        run.finish(**facts)


def leave_receipt(
    folder: str, lead: LeadRun, attempt: str, newest: Sequence[Receipt], waiting: int, config: Config
) -> None:
    """Beside the outputs: what proves that the run is in the ledger, or how to bring it there."""
    delivery = lead.delivery
    spooled = delivery.spooled + waiting
    last = newest[-1] if newest else None
    receipt = None if last is None else {name: last[name] for name in ("ledger", "epoch", "seq", "hash")}
    told = {
        "format": "runseal.receipt.v1",
        "run": lead.run.id,
        "attempt": attempt,
        "url": config.url,
        "receipt": receipt,
        "events": {"accepted": lead.accepted, "spooled": spooled, "set_aside": delivery.set_aside},
        "spool": config.spool_dir,
        "send": f"runseal spool send {shlex.quote(config.spool_dir)}" if spooled else None,
    }
    with suppress(OSError):
        write_whole(os.path.join(folder, RECEIPT_FILE), (json.dumps(told, indent=2) + "\n").encode())
