"""The document's callback: what a training does lands in the ledger and in the audit logger's record."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Optional

from ..training.trainer_facts import total_steps
from ..transformers import RunsealCallback
from .audit_logger import AuditLogger


class AuditCallback(RunsealCallback):
    """A `RunsealCallback` that records into the run of an `AuditLogger`, whose file is written when the run ends.

    Without a logger it is a `RunsealCallback`.
    """

    def __init__(self, logger: Optional[AuditLogger] = None, **options: Any) -> None:
        super().__init__(**options)
        self.logger = logger

    def on_train_begin(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        if self.logger is not None and state.is_world_process_zero:
            self.logger.keep_file()
        super().on_train_begin(args, state, control, **objects)

    def on_train_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        super().on_train_end(args, state, control, **objects)
        with suppress(Exception):
            if self.logger is not None and state.is_world_process_zero:
                done = {"completed_steps": int(state.global_step), "epochs_completed": state.epoch}
                self.logger.trained(total_steps=total_steps(state), **done)
