"""Samples of the machine that trains: NVML where there is a GPU, /proc for the rest."""

from __future__ import annotations

import os
import platform
import threading
from contextlib import suppress
from typing import Any, Callable, Optional

from ..clock import now_text

Json = dict[str, Any]

SAMPLE_S = 15.0
#: Samples that travel in one event.
_TOGETHER = 4


class ResourceSampler:
    """A daemon thread that samples every 15 seconds and hands over a few samples at once. Never raises."""

    def __init__(self, keep: Callable[[list[Json]], object], folder: str) -> None:
        """`keep` takes samples as run.resources-sampled has them; `folder` lies on the disk that is looked at."""
        self._keep = keep
        self._probe = Probe(folder)
        self._over = threading.Event()
        self._samples: list[Json] = []
        self._thread: Optional[threading.Thread] = None
        # A fork leaves the child half of what another thread is just importing.
        self._probe.open()

    def start(self) -> None:
        with suppress(RuntimeError):
            self._thread = threading.Thread(target=self._loop, name="runseal-resources", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Takes a last sample and hands over what is left."""
        self._over.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(2.0)
            if self._thread.is_alive():
                return
        self._take()
        self._hand_over()

    def _loop(self) -> None:
        self._take()
        while not self._over.wait(SAMPLE_S):
            self._take()
            if len(self._samples) >= _TOGETHER:
                self._hand_over()

    def _take(self) -> None:
        with suppress(Exception):
            self._samples.append(self._probe.sample())

    def _hand_over(self) -> None:
        samples, self._samples = self._samples[:100], []
        if samples:
            with suppress(Exception):
                self._keep(samples)


class Probe:
    """Reads the machine; what cannot be read is None."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._nvml: Any = None
        self._devices: list[tuple[int, Any, Optional[str]]] = []
        self._cpu_before = _cpu_times()

    def open(self) -> None:
        """Finds the GPUs."""
        with suppress(Exception):
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
            for index in range(min(64, pynvml.nvmlDeviceGetCount())):
                device = pynvml.nvmlDeviceGetHandleByIndex(index)
                name = pynvml.nvmlDeviceGetName(device)
                self._devices.append((index, device, name.decode() if isinstance(name, bytes) else str(name)))

    def sample(self) -> Json:
        total, free = _memory()
        return {
            "at": now_text(),
            "host": platform.node()[:250] or None,
            "cpu_percent": self._cpu_percent(),
            "ram_used_bytes": None if total is None or free is None else total - free,
            "ram_total_bytes": total,
            "disk_free_bytes": _disk_free(self._folder),
            "process_rss_bytes": _resident(),
            "gpus": [self._gpu(*one) for one in self._devices],
        }

    def _cpu_percent(self) -> Optional[float]:
        before, now = self._cpu_before, _cpu_times()
        self._cpu_before = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        return round(100 * (1 - (now[0] - before[0]) / (now[1] - before[1])), 1)

    def _gpu(self, index: int, device: Any, name: Optional[str]) -> Json:
        nvml = self._nvml
        memory = _try(lambda: nvml.nvmlDeviceGetMemoryInfo(device))
        return {
            "index": index,
            "name": name,
            "utilization_percent": _try(lambda: nvml.nvmlDeviceGetUtilizationRates(device).gpu),
            "memory_used_bytes": _try(lambda: memory.used),
            "memory_total_bytes": _try(lambda: memory.total),
            "temperature_celsius": _try(lambda: nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU)),
            "power_watts": _try(lambda: nvml.nvmlDeviceGetPowerUsage(device) / 1000),
        }


def _try(read: Callable[[], Any]) -> Any:
    with suppress(Exception):
        return read()
    return None


def _cpu_times() -> Optional[tuple[float, float]]:
    """Idle and total time of all cores since the start of the machine."""
    with suppress(OSError, ValueError, IndexError), open("/proc/stat", encoding="ascii") as file:
        times = [float(one) for one in file.readline().split()[1:9]]
        return times[3] + times[4], sum(times)
    return None


def _memory() -> tuple[Optional[int], Optional[int]]:
    """Bytes of the machine, and those that are still to be had."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in ("MemTotal", "MemAvailable"):
                found[name] = 1024 * int(rest.split()[0])
    return found.get("MemTotal"), found.get("MemAvailable")


def _resident() -> Optional[int]:
    with suppress(OSError, ValueError, IndexError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def _disk_free(folder: str) -> Optional[int]:
    with suppress(OSError, AttributeError):
        of = os.statvfs(folder)
        return of.f_bavail * of.f_frsize
    return None
