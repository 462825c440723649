"""Evaluations, recorded as soon as it is known on what they were made."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Optional

from ..recording.run import Run
from .data_facts import data_facts, rows_digest
from .evaluation_set import ToldSet

Json = dict[str, Any]


class Evaluations:
    """Rows are read for their digest on a thread of their own, so evaluations wait here for it, in order.

    Where the configuration tells the set, that counts instead of the rows.
    """

    def __init__(self, run: Run, told: Optional[ToldSet] = None) -> None:
        self._run = run
        self._told = told if told is not None and told.is_told else None
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Json]] = []
        #: Set by key of the data.
        self._sets: dict[str, Json] = {}
        self._data: dict[str, Any] = {}
        self._reader: Optional[threading.Thread] = None

    def add(self, data: Any, facts: Json) -> None:
        """An evaluation on `data`, which may be None where nobody tells; `facts` as `Run.evaluate` takes them."""
        key = _key_of(data)
        with self._lock:
            self._data.setdefault(key, data)
            self._waiting.append((key, facts))
            is_known = key in self._sets
        if is_known:
            self._record_known()
        elif self._reader is None or not self._reader.is_alive():
            self._start()

    def settle(self, limit_s: float = 60.0) -> None:
        """Records what still waits, with what is known of its set."""
        if self._reader is not None:
            self._reader.join(limit_s)
        if self._reader is None or not self._reader.is_alive():
            # What came when it had just done its last.
            self._read()
        with self._lock:
            for key, _ in self._waiting:
                self._sets.setdefault(key, _describe(self._data[key], None))
        self._record_known()

    def _start(self) -> None:
        # Not on the thread: a fork in the middle of an import leaves the child half a module.
        import hashlib  # noqa: F401

        self._reader = threading.Thread(target=self._read, name="runseal-evaluations", daemon=True)
        try:
            self._reader.start()
        except RuntimeError:
            self._reader = None

    def _read(self) -> None:
        while True:
            with self._lock:
                key = next((key for key, _ in self._waiting if key not in self._sets), None)
            if key is None:
                return
            data = self._data[key]
            told = self._told
            found = None
            if told is not None:
                found = self._run.guard("the evaluation set", partial(_describe_told, told, data))
            if found is None:
                found = _describe(data, None if self._told is not None else rows_digest(data))
            with self._lock:
                self._sets[key] = found
            if self._told is None:
                self._keep_input(found, data)
            self._record_known()

    def _record_known(self) -> None:
        with self._lock:
            known = [one for one in self._waiting if one[0] in self._sets]
            self._waiting = [one for one in self._waiting if one[0] not in self._sets]
        for key, facts in known:
            self._run.evaluate(self._sets[key], **facts)

    def _keep_input(self, of: Json, data: Any) -> None:
        if of["digest"] is None:
            return
        facts: Any = {name: of[name] for name in ("name", "version", "digest", "samples") if of[name] is not None}
        schema = data_facts(data).schema
        facts.update({"schema": schema} if schema else {})
        self._run.log_input("dataset", role="eval", **facts)


def _key_of(data: Any) -> str:
    """Trainers make a new object of the same rows for every evaluation; others are kept here, so that none gets their id."""
    fingerprint = getattr(data, "_fingerprint", None)
    return fingerprint if isinstance(fingerprint, str) else f"id {id(data)}"


def _describe_told(told: ToldSet, data: Any) -> Json:
    return {**told.describe(), "samples": data_facts(data).samples}


def _describe(data: Any, digest: Optional[str]) -> Json:
    facts = data_facts(data)
    return {
        "kind": "fixed",
        "name": facts.name,
        "version": facts.version,
        "digest": digest,
        "samples": facts.samples,
    }
