"""What a training process runs on: packages, hardware, settings that decide whether it can be repeated."""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from typing import Any, Optional

Json = dict[str, Any]

#: Packages whose versions are listed, by the names that they go by in the record; all of them count in the lock digest.
_NAMED = {
    "llama_factory": "llamafactory",
    **{
        name: name.replace("_", "-")
        for name in (
            "torch transformers peft trl accelerate datasets tokenizers safetensors numpy deepspeed bitsandbytes flash_attn "
            "axolotl unsloth vllm triton xformers liger_kernel torchvision huggingface_hub"
        ).split()
    },
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def installed_packages() -> dict[str, str]:
    """Version by normalised name of everything that is installed; the first found of two counts, as in an import."""
    from importlib import metadata

    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        with suppress(Exception):
            name = re.sub(r"[-_.]+", "-", str(distribution.metadata["Name"])).lower()
            found.setdefault(name, str(distribution.version))
    return found


def describe_packages() -> Json:
    """`versions` and `lock_digest` of run.environment-recorded.

    The digest is the SHA-256 of a line `name==version` per package, sorted, Python's own version first.
    """
    import hashlib

    packages = installed_packages()
    python = platform.python_version()
    lines = [f"python=={python}\n", *sorted(f"{name}=={version}\n" for name, version in packages.items())]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    named = {name: packages[project] for name, project in _NAMED.items() if project in packages}
    return {"versions": {"python": python, **named, "runseal": _own_version()}, "lock_digest": f"sha256:{digest}"}


def describe_hardware(processes: int, gpus_each: int, hosts: Optional[int]) -> Json:
    """`hardware` of run.environment-recorded. `gpus_each`: GPUs that a process trains on, 0 for the CPU."""
    torch: Any = sys.modules.get("torch")
    version = getattr(torch, "version", None)
    cuda = getattr(version, "cuda", None) or getattr(version, "hip", None)
    hardware: Json = {"gpu_type": "cpu", "gpu_count": 0, "cuda_version": cuda, "hosts": hosts}
    if gpus_each > 0:
        hardware.update(gpu_type=_gpu_name(torch), gpu_count=gpus_each * processes, driver_version=_driver_version())
    return hardware


def describe_determinism() -> Json:
    """`determinism` of run.environment-recorded, as torch is set now; nothing where there is no torch."""
    torch: Any = sys.modules.get("torch")
    found: Json = {}
    with suppress(Exception):
        cudnn = torch.backends.cudnn
        found.update(cudnn_deterministic=bool(cudnn.deterministic), cudnn_benchmark=bool(cudnn.benchmark))
    with suppress(Exception):
        found["deterministic_algorithms"] = bool(torch.are_deterministic_algorithms_enabled())
    return found


def image_digest(image: Optional[str]) -> Optional[str]:
    """The digest in a container image's name, such as `registry/name@sha256:...`."""
    found = _DIGEST.search(image or "")
    return found[0] if found else None


def _gpu_name(torch: Any) -> Optional[str]:
    for kind in ("cuda", "xpu", "npu", "mlu"):
        with suppress(Exception):
            return str(getattr(torch, kind).get_device_name(0))
    with suppress(Exception):
        return "mps" if torch.backends.mps.is_available() else None
    return None


def _driver_version() -> Optional[str]:
    with suppress(Exception):
        import pynvml

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
        return version.decode() if isinstance(version, bytes) else str(version)
    return None


def _own_version() -> str:
    from ..version import VERSION

    return VERSION
