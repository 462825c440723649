"""What is recorded of files and folders: inputs, outputs and checkpoints, with what is found out about them on the way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ..events.payloads import (
    BLANK_CHECKPOINT,
    BLANK_INPUTS,
    BLANK_OUTPUT,
    Json,
    describe_content,
    encode_number,
    fill,
)
from ..files.hashing import Finding, Hashing
from ..version import VERSION

#: Records an event: its type, its payload, and what else is set in it.
Keep = Callable[[str, Json, Optional[Json]], Optional[str]]


class Subjects:
    """Where a digest, a profile or a look at tensors is wanted, an event waits for it, in the order of the calls."""

    def __init__(self, run: str, attempt: str, keep: Keep, hashing: Hashing) -> None:
        self._run = run
        self._attempt = attempt
        self._keep = keep
        self._hashing = hashing

    def record_input(
        self, kind: str, facts: Mapping[str, Any], *, hash: bool, profile: bool, tokenizer: Optional[str]
    ) -> None:
        payload = {"kind": kind, **fill(BLANK_INPUTS[kind], facts)}
        files = _take_files(payload)
        artifact_kind = payload.get("role", "other") if kind == "other" else kind

        def record(found: Finding) -> None:
            known = payload if found.content is None else {**payload, "digest": found.content.digest}
            self._keep("run.input-recorded", known, None)
            self._register(artifact_kind, known, found)
            if profile and known["digest"] is not None and known["path"] is not None:
                self._hashing.add_profile(
                    known["path"],
                    lambda profiled: self._assess(known, profiled),
                    files=files,
                    stamp=found.stamp,
                    tokenizer=tokenizer,
                )

        self._look(payload, record, hash or profile, files=files)

    def record_output(
        self, role: str, facts: Mapping[str, Any], *, hash: bool, fresh: bool, check_tensors: bool
    ) -> None:
        payload = {"role": role, **fill(BLANK_OUTPUT, facts)}
        files = _take_files(payload)

        def record(found: Finding) -> None:
            known = payload
            if found.content is not None:
                about = describe_content(found.content)
                known = {
                    **known,
                    "digest": found.content.digest,
                    **{name: about[name] for name in ("size_bytes", "files")},
                }
            if known["tensors_finite"] is None:
                known = {**known, "tensors_finite": found.tensors_finite}
            self._keep("run.output-recorded", known, None)
            self._register(role, known, found)

        self._look(payload, record, hash or check_tensors, files=files, fresh=fresh, tensors=check_tensors)

    def record_checkpoint(self, step: Any, facts: Mapping[str, Any], *, hash: bool) -> None:
        payload = {"attempt": self._attempt, "step": encode_number(step), **fill(BLANK_CHECKPOINT, facts)}

        def record(found: Finding) -> None:
            content = found.content
            known = {**payload, "digest": content.digest, "size_bytes": content.size_bytes} if content else payload
            self._keep("run.checkpoint-saved", known, None)
            self._register("checkpoint", known, found)

        self._look(payload, record, hash)

    def _look(self, payload: Json, record: Callable[[Finding], None], is_wanted: bool, **how: Any) -> None:
        """Records when all that is wanted is known; at once where nothing is, or where somebody has told the digest."""
        if is_wanted and payload["path"] is not None and (payload["digest"] is None or how.get("tensors")):
            self._hashing.add(str(payload["path"]), record, **how)
        else:
            record(Finding())

    def _register(self, kind: Any, known: Json, found: Finding) -> None:
        if known["digest"] is not None:
            more = {"kind": kind, "location": known["path"], "run": self._run}
            payload = {**describe_content(found.content), **more}
            self._keep("artifact.registered", payload, {"stream": f"artifact/{known['digest']}"})

    def _assess(self, known: Json, found: Finding) -> None:
        """Records a data set's profile, and completes what its first event left open."""
        if found.profile is None:
            return
        whole = dict(known)
        whole["samples"] = known["samples"] if known["samples"] is not None else found.profile["rows"]
        whole["schema"] = known["schema"] or found.schema
        if whole != known:
            self._keep("run.input-recorded", whole, None)
        payload: Json = {
            "run": self._run,
            "assessor": {"name": "runseal-py", "version": VERSION},
            "kind": "dataset",
            "profile": found.profile,
            "tensors_finite": None,
            "asserted": [],
        }
        self._keep("artifact.assessed", payload, {"stream": f"artifact/{known['digest']}"})


def _take_files(payload: Json) -> Optional[list[str]]:
    """Where several paths are given, the folder above them all takes their place; their names below it are returned."""
    given = payload.get("path")
    if not isinstance(given, list):
        return None
    paths = sorted({os.path.abspath(os.fspath(path)) for path in given})
    payload["path"] = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [os.path.relpath(path, payload["path"]) for path in paths]
