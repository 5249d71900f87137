"""Where figures were taken: processor, versions, what else the machine was doing, and the GPU if there is one."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numba
import numpy as np
import onnxruntime

from posewire import __version__
from posewire.gpu.state import read_gpus
from posewire_training.card_facts import processor

_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, clock governor; None for what the system does not tell."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": platform.platform(),
        "governor": _read(_CPU / "scaling_governor"),
        "mhz": _mhz(),
        "virtual": _virtual(),
    }


def versions() -> dict[str, str]:
    """Versions of what was measured and of what it runs on."""
    return {
        "posewire": __version__,
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "opencv": cv2.__version__,
        "pyzmq": metadata.version("pyzmq"),
    }


@dataclass(frozen=True)
class Usage:
    """A reading of the machine's counters: ``busy`` and ``stolen`` s of all cores together, ``ours`` s of this process
    and its ended children, ``at`` s. None where the system does not tell."""

    at: float
    busy: float | None
    stolen: float | None
    ours: float


def usage() -> Usage:
    """The counters now, from /proc/stat, or from psutil where that is installed."""
    times = os.times()
    ours = times.user + times.system + times.children_user + times.children_system
    busy, stolen = _busy()
    return Usage(time.monotonic(), busy, stolen, ours)


def between(before: Usage, after: Usage) -> dict[str, Any]:
    """What the machine did between two readings, in cores: ``busy`` in all, ``ours`` of them, and the ``others``' rest
    (other programs, and children of this one that still run); ``stolen`` by the host of a virtual machine."""
    seconds = max(after.at - before.at, 1e-9)
    ours = (after.ours - before.ours) / seconds
    found: dict[str, Any] = {"seconds": seconds, "ours_cores": ours, "load": _load()}
    if before.busy is None or after.busy is None:
        return {**found, "busy_cores": None, "others_cores": None, "stolen_cores": None}
    busy = (after.busy - before.busy) / seconds
    stolen = None if after.stolen is None or before.stolen is None else (after.stolen - before.stolen) / seconds
    return {**found, "busy_cores": busy, "others_cores": max(0.0, busy - ours), "stolen_cores": stolen}


def quiet(seconds: float = 0.3) -> dict[str, Any]:
    """What other programs do while this one waits."""
    before = usage()
    time.sleep(seconds)
    return between(before, usage())


def resident_mb() -> float | None:
    """Memory of this process that lies in RAM, from /proc, or from psutil where that is installed."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError):
        pass
    try:
        import psutil
    except ImportError:
        return None
    return float(psutil.Process().memory_info().rss) / 1e6


def gpus() -> list[dict[str, Any]] | None:
    """What the driver tells of every NVIDIA GPU (`posewire.gpu.state.GpuState`); None where there is none."""
    return [asdict(state) for state in read_gpus()] or None


def _busy() -> tuple[float | None, float | None]:
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except (OSError, IndexError):
        return _busy_by_psutil()
    user, nice, system, _, _, interrupts, soft, stolen = (int(ticks) for ticks in first[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft) / tick, stolen / tick


def _busy_by_psutil() -> tuple[float | None, float | None]:
    try:
        import psutil
    except ImportError:
        return None, None
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0)), None


def _load() -> list[float] | None:
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _mhz() -> float | None:
    if (told := _read(_CPU / "scaling_cur_freq")) and told.isdigit():
        return int(told) / 1000
    lines = (_read(Path("/proc/cpuinfo")) or "").splitlines()
    found = [float(line.split(":")[1]) for line in lines if line.startswith("cpu MHz")]
    return max(found) if found else None


def _virtual() -> bool | None:
    """Whether the processor says that a hypervisor stands below; None where it does not tell."""
    flags = [line for line in (_read(Path("/proc/cpuinfo")) or "").splitlines() if line.startswith("flags")]
    return "hypervisor" in flags[0].split() if flags else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
