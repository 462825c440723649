"""What callers may tell, by the names of the events' members; everything may be left out unless a method asks for it.

`asserted` holds JSON pointers to what a person stated rather than what was read, measured or hashed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable, TypedDict, Union

from ..receipt import Receipt
from ..say import Say


class ClientOptions(TypedDict, total=False):
    #: Address of the server, http or https. RUNSEAL_URL.
    url: str
    #: RUNSEAL_API_KEY.
    api_key: str
    #: RUNSEAL_SPOOL_DIR, else `~/.runseal/spool`.
    spool_dir: str
    #: Bytes that the spool may take on disk; 1 GB.
    spool_limit_bytes: float
    #: How long `finish` and `fail` wait for the delivery. RUNSEAL_DRAIN_S, else 60.
    drain_s: float
    #: PEM file with certificates to trust beside the system's. RUNSEAL_CA_FILE.
    ca_file: str
    #: Takes the one-line messages; stderr by default.
    say: Say


class RunFacts(TypedDict, total=False):
    name: str
    target_model: str
    tasks: Sequence[str]
    objective: str
    #: `{"name", "version"}`.
    trainer: Mapping[str, Any]
    expected_samples_per_second: float
    tags: Mapping[str, str]
    asserted: Sequence[str]


class AttemptFacts(TypedDict, total=False):
    #: `{"attempt", "step"}` that this attempt goes on from.
    resumes: Mapping[str, Any]
    total_steps: int
    total_epochs: float
    processes: int


class StartOptions(ClientOptions, RunFacts, AttemptFacts, total=False):
    #: Attach to this run with a new attempt instead of starting one. RUNSEAL_RUN_ID.
    run_id: str
    #: Which process of several this is; only 0 records. RANK.
    rank: int
    #: Where the training writes: the spool goes to its `.runseal` where the usual place would not outlive the machine.
    output_dir: str
    #: Called on a thread of ours, once a request, with its receipts in the order of its events.
    on_receipts: Callable[[list[Receipt]], object]


class Ending(TypedDict, total=False):
    total_steps: int
    completed_steps: int
    epochs_completed: float
    active_seconds: float
    #: `{"attempt", "step"}` of the weights that the run ends with.
    final_weights: Mapping[str, Any]
    #: `{"step", "path"}`.
    best_checkpoint: Mapping[str, Any]
    asserted: Sequence[str]


class Failure(Ending, total=False):
    exit_code: int
    signal: str


class InputFacts(TypedDict, total=False):
    """Which of these belong to an input depends on its kind, as docs/events.md says."""

    #: Of a dataset: train, eval, test; of another input: what it is for.
    role: str
    name: str
    version: str
    source: str
    revision: str
    #: A file, a folder, or several files.
    path: Union[str, os.PathLike[str], Sequence[str]]
    digest: str
    resolved_digest: str
    samples: int
    schema: str
    license: str
    #: `{"repository", "commit", "dirty"}`.
    git: Mapping[str, Any]
    asserted: Sequence[str]


class OutputFacts(TypedDict, total=False):
    type: str
    #: A file, a folder, or several files.
    path: Union[str, os.PathLike[str], Sequence[str]]
    digest: str
    size_bytes: int
    files: Sequence[Mapping[str, Any]]
    tensors_finite: bool
    asserted: Sequence[str]


class CheckpointFacts(TypedDict, total=False):
    epoch: float
    path: Union[str, os.PathLike[str]]
    digest: str
    size_bytes: int
    asserted: Sequence[str]


class EvaluationFacts(TypedDict, total=False):
    #: Key of the metrics' row: `{"attempt", "kind", "step", "n"}`.
    row: Mapping[str, Any]
    weights: Mapping[str, Any]
    task: str
    #: `{"name", "value", "scale": {"from", "to"}, "standard_error"}` each.
    metrics: Sequence[Mapping[str, Any]]
    evaluator: Mapping[str, Any]
    raters: int
    after_training: bool
    asserted: Sequence[str]


class EnvironmentFacts(TypedDict, total=False):
    seeds: Mapping[str, Any]
    versions: Mapping[str, str]
    platform: str
    hardware: Mapping[str, Any]
    determinism: Mapping[str, Any]
    variables: Mapping[str, str]
    image_digest: str
    lock_digest: str
    asserted: Sequence[str]


class EventFacts(TypedDict, total=False):
    """What may be set in an event of the caller's own; the rest is filled in."""

    id: str
    version: int
    stream: str
    occurred_at: str
    expect: Sequence[Mapping[str, Any]]
