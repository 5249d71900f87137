"""What the NVIDIA driver tells of its GPUs now: clocks, temperature, power, load. For benches and the doctor.

Asked of nvidia-smi, which comes with every driver. A GPU that idles at low clocks answers slower than one at work: a
figure means little without them.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

_FIELDS = {
    "name": "name",
    "driver": "driver_version",
    "sm_clock_mhz": "clocks.sm",
    "most_sm_clock_mhz": "clocks.max.sm",
    "memory_clock_mhz": "clocks.mem",
    "temperature_c": "temperature.gpu",
    "power_w": "power.draw",
    "utilization_percent": "utilization.gpu",
}
_COMMAND = ("nvidia-smi", f"--query-gpu={','.join(_FIELDS.values())}", "--format=csv,noheader,nounits")


@dataclass(frozen=True)
class GpuState:
    """One GPU: its name, the driver's version, clocks in MHz, temperature in °C, power in W, and the share of the last
    moment in which it worked, in %. None for what it does not tell."""

    name: str
    driver: str
    sm_clock_mhz: float | None
    most_sm_clock_mhz: float | None
    memory_clock_mhz: float | None
    temperature_c: float | None
    power_w: float | None
    utilization_percent: float | None


def read_gpus(timeout_s: float = 5.0) -> list[GpuState]:
    """All GPUs in the driver's order; none where nvidia-smi is missing, fails or takes longer."""
    try:
        done = subprocess.run(_COMMAND, capture_output=True, text=True, timeout=timeout_s, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_gpus(done.stdout)


def parse_gpus(text: str) -> list[GpuState]:
    """The GPUs in what nvidia-smi printed: one line each, values parted by commas, ``[N/A]`` for what is not told.
    Lines of another form are passed over."""
    found = []
    for line in text.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) == len(_FIELDS):
            found.append(GpuState(values[0], values[1], *(_number(value) for value in values[2:])))
    return found


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
