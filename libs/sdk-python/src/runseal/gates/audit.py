"""G6: which fields an audit record must have, as the server's rules have them.

Whether a digest is known as an artifact, and whether nothing was lost on the way, only the ledger can tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Optional

from ..events.event import is_time
from .rules import Finding

Json = Mapping[str, Any]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_NAMED_MAX = 10


class Field(NamedTuple):
    name: str
    #: present, missing, malformed or incomplete.
    state: str
    found: object
    wanted: str


def judge_audit(record: object) -> Finding:
    """What was recorded wrongly fails; what was not recorded is missing."""
    fields = audit_fields(record)
    gaps = [field for field in fields if field.state != "present"]
    metrics = {
        "missing_sections": sorted({field.name.partition(".")[0] for field in gaps}),
        "missing_fields": [field.name for field in gaps],
    }
    if not gaps:
        return Finding("pass", f"All {len(fields)} fields are recorded.", metrics)
    told = "; ".join(_tell(field) for field in gaps[:_NAMED_MAX])
    more = f"; and {len(gaps) - _NAMED_MAX} more" if len(gaps) > _NAMED_MAX else ""
    verdict = "missing" if all(field.state == "missing" for field in gaps) else "fail"
    return Finding(verdict, f"{len(gaps)} of {len(fields)} fields are not complete: {told}{more}.", metrics)


def audit_fields(record: object) -> list[Field]:
    """Every field that is wanted, those that are present too."""
    whole = _object(record)
    inputs, outputs = _object(whole.get("input_artifacts")), _object(whole.get("output_artifacts"))
    return [
        *_input_fields(inputs),
        *_training_fields(_object(whole.get("training_record")), whole),
        _output_field(_object(outputs.get("adapter")), _object(outputs.get("training_args"))),
        _digest("output_artifacts.training_args.hash", _object(outputs.get("training_args")).get("hash")),
        *_environment_fields(_object(whole.get("reproducibility")), whole, outputs),
    ]


def _input_fields(inputs: Json) -> list[Field]:
    base, dataset, config = (_object(inputs.get(name)) for name in ("base_model", "dataset", "config"))
    at = "input_artifacts"
    revision, wanted = f"{at}.base_model.revision", "a full commit of 40 hex digits, or the weights' sha256 as hash"
    commit = f"{at}.config.git_commit"
    return [
        _text(f"{at}.base_model.source", base.get("source")),
        _digest(revision, base.get("hash"), wanted)
        if isinstance(base.get("hash"), str) and base["hash"]
        else _text(revision, base.get("revision"), wanted, _COMMIT.match),
        _digest(f"{at}.dataset.hash", dataset.get("hash")),
        _text(f"{at}.dataset.version", dataset.get("version")),
        _number(f"{at}.dataset.samples", dataset.get("samples")),
        _text(f"{at}.dataset.schema", dataset.get("schema")),
        _text(f"{at}.config.file", _first_text(config.get("file"), config.get("path"))),
        _digest(f"{at}.config.content_hash", _first_text(config.get("content_hash"), config.get("hash"))),
        _text(f"{at}.config.resolved_hash", config.get("resolved_hash"), "the sha256 of the resolved arguments"),
        _text(commit, config.get("git_commit"), "a full commit of 40 hex digits", _COMMIT.match),
        _flag(f"{at}.config.dirty", config.get("dirty")),
    ]


def _training_fields(training: Json, whole: Json) -> list[Field]:
    timeline, progress = _object(training.get("timeline")), _object(training.get("progress"))
    start, end = (_time(timeline.get(name)) for name in ("start_time", "end_time"))
    at = "training_record"

    def is_after_start(text: str) -> bool:
        return start is None or _seconds(text) >= _seconds(start)

    return [
        _text(f"{at}.experiment_id", _first_text(training.get("experiment_id"), whole.get("experiment_id"))),
        _text(f"{at}.run_id", training.get("run_id")),
        _text(f"{at}.timeline.start_time", start, "an RFC 3339 time with a zone"),
        _text(f"{at}.timeline.end_time", end, "an RFC 3339 time with a zone, not before the start", is_after_start),
        _number(f"{at}.progress.total_steps", progress.get("total_steps")),
        _number(f"{at}.progress.completed_steps", progress.get("completed_steps")),
    ]


def _output_field(adapter: Json, other: Json) -> Field:
    name, wanted = (
        "output_artifacts.adapter.files",
        "the final weights and every other output, each file with its sha256",
    )
    if all(adapter.get(member) is None for member in ("path", "type", "files", "hash")):
        return Field(name, "missing", None, wanted)
    files, whole = adapter.get("files"), adapter.get("hash")
    listed = [_object(file).get("hash") for file in files] if isinstance(files, list) else []
    # A folder's manifest stands for its files; a file that is listed must have its hash all the same.
    digests = [*listed, *([] if whole is None else [whole])]
    if other.get("path") is not None:
        digests.append(other.get("hash"))
    if not (listed or whole) or not all(isinstance(one, str) for one in digests):
        return Field(name, "incomplete", "a file without a hash", wanted)
    wrong = next((one for one in digests if not _DIGEST.match(str(one))), None)
    return Field(name, "present" if wrong is None else "malformed", wrong, wanted)


def _environment_fields(reproducibility: Json, whole: Json, outputs: Json) -> list[Field]:
    at = "reproducibility"
    seeds, environment, hardware, determinism = (
        _object(reproducibility.get(name)) for name in ("seeds", "environment", "hardware", "determinism")
    )
    numpy = seeds.get("numpy_seed")
    trainer = _object(_object(whole.get("training_record")).get("trainer")).get("name")
    is_llama = isinstance(trainer, str) and re.fullmatch(r"llama[._-]?factory", trainer) is not None
    adapter = _object(outputs.get("adapter")).get("type")

    def version(name: str, needless: bool = False, own: object = None) -> Field:
        # The document's code writes versions without the section that its record has them in.
        found = _first_text(environment.get(name), reproducibility.get(name), own)
        field = _text(f"{at}.environment.{name}", found)
        return field._replace(state="present") if needless else field

    own = _object(_object(whole.get("training_record")).get("trainer")).get("version") if is_llama else None
    return [
        _number(f"{at}.seeds.seed", seeds.get("seed")),
        _number(f"{at}.seeds.data_seed", seeds.get("data_seed")),
        Field(f"{at}.seeds.numpy_seed", "present", numpy, "")
        if numpy == "derived"
        else _number(f"{at}.seeds.numpy_seed", numpy, "the seed of numpy, or derived"),
        version("python_version"),
        version("torch_version"),
        version("transformers_version"),
        version("peft_version", needless=adapter in ("full", "freeze")),
        version("llama_factory_version", needless=isinstance(trainer, str) and not is_llama, own=own),
        *_hardware_fields(hardware, f"{at}.hardware"),
        _flag(f"{at}.determinism.cudnn_deterministic", determinism.get("cudnn_deterministic")),
        _flag(f"{at}.determinism.cudnn_benchmark", determinism.get("cudnn_benchmark")),
    ]


def _hardware_fields(hardware: Json, at: str) -> list[Field]:
    kind, count = hardware.get("gpu_type"), hardware.get("gpu_count")
    is_cpu = isinstance(kind, str) and kind.lower() == "cpu"
    name, wanted = f"{at}.gpu_count", "no GPU, as the type is cpu" if is_cpu else "how many GPUs were used, from 1 on"
    field = _number(name, count, wanted)
    if field.state == "present" and (count == 0) != is_cpu:
        field = field._replace(state="malformed")
    if is_cpu and count is None:
        field = field._replace(state="present")
    return [_text(f"{at}.gpu_type", kind, "the GPU's name, or cpu"), field]


def _text(name: str, value: object, wanted: str = "a text", is_well: Optional[Callable[[str], object]] = None) -> Field:
    if not isinstance(value, str) or not value.strip():
        return Field(name, "missing", value, wanted)
    return Field(name, "present" if is_well is None or is_well(value) else "malformed", value, wanted)


def _digest(name: str, value: object, wanted: str = "sha256: and 64 hex digits") -> Field:
    return _text(name, value, wanted, _DIGEST.match)


def _number(name: str, value: object, wanted: str = "a number") -> Field:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Field(name, "present" if is_number else "missing", value, wanted)


def _flag(name: str, value: object) -> Field:
    return Field(name, "present" if isinstance(value, bool) else "missing", value, "true or false")


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _first_text(*values: object) -> Optional[str]:
    return next((value for value in values if isinstance(value, str)), None)


def _time(value: object) -> Optional[str]:
    return value if isinstance(value, str) and is_time(value) else None


def _seconds(text: str) -> float:
    from datetime import datetime

    # Before Python 3.11 it reads fractions of 3 or 6 digits only.
    whole, fraction = re.sub(r"\.\d+", "", text), re.search(r"\.\d+", text)
    seconds = datetime.fromisoformat(whole.replace("Z", "+00:00")).timestamp()
    return seconds + (float(fraction[0]) if fraction else 0.0)


def _tell(field: Field) -> str:
    found = "is missing" if field.state == "missing" else f"is {field.state} ({str(field.found)[:80]})"
    return f"{field.name} {found}, wanted {field.wanted}"
