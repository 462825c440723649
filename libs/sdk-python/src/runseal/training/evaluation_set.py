"""On what a training is evaluated, where LLaMA-Factory's configuration says so: the same identity that an import of its folder
would find."""

from __future__ import annotations

import queue
from contextlib import suppress
from typing import Any, Optional

from ..canonical_json import canonical_json
from ..configuration.dataset_info import DatasetSource, read_dataset_info
from ..recording.run import Run

Json = dict[str, Any]
#: How long one waits for a digest; the files may be large.
_LIMIT_S = 600.0


class ToldSet:
    """What the configuration says of the set; hashes its files when asked."""

    def __init__(self, run: Run, parameters: Json) -> None:
        """`parameters` are the configuration's, the trainer's own settings over them."""
        self._run = run
        self._parameters = parameters
        self._names = _names_of(parameters.get("eval_dataset"))
        size = parameters.get("val_size")
        self._size = float(size) if isinstance(size, (int, float)) and size > 0 and not self._names else 0.0

    @property
    def is_told(self) -> bool:
        return bool(_names_of(self._parameters.get("dataset"))) and (bool(self._names) or self._size > 0)

    def describe(self) -> Json:
        """`set` of run.evaluated, without its samples; reads files, so not to be called by the training. Its digest is None where
        the data is several sets, or not on this machine."""
        names = self._names or _names_of(self._parameters.get("dataset"))
        folder = self._parameters.get("dataset_dir")
        (source, *others) = read_dataset_info(folder if isinstance(folder, str) and folder else "data", names)
        digest = None if others else self._digest_of(source)
        name = ",".join(names)[:250]
        if self._names:
            return {"kind": "fixed", "name": name, "digest": digest}
        split = {
            "training_digest": digest,
            "val_size": self._parameters["val_size"],
            "seed": _count(self._parameters.get("seed")),
            "max_samples": _count(self._parameters.get("max_samples")),
            "template": _text(self._parameters.get("template")),
        }
        identity = None if digest is None else _sha256(f"runseal.split.v1\n{canonical_json(split)}")
        return {"kind": "split", "name": name, "split": split, "digest": identity}

    def _digest_of(self, source: DatasetSource) -> Optional[str]:
        if source.path is None:
            return None
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with suppress(Exception):
            # Where the same path is recorded as an input, what it hashes to is mostly known already.
            self._run._hashing.add(source.path, answers.put)
            content = answers.get(timeout=_LIMIT_S).content
            return None if content is None else str(content.digest)
        return None


def _names_of(value: Any) -> list[str]:
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(name).strip() for name in names if str(name).strip()]


def _count(value: Any) -> Optional[int]:
    return value if type(value) is int and value >= 0 else None


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _sha256(text: str) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
