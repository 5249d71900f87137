"""Which execution provider really runs a network: proven, not believed.

What ONNX Runtime lists as available means nothing, and a session may quietly fall back to the CPU. A provider counts
only when a warm-up ran on it, and ONNX Runtime's own profile of that run shows the heavy nodes there.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from posewire_models.errors import PosewireError

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
AUTO = ("cuda", "cpu")
# Where nearly all of a pose network's arithmetic is, whatever it is fused with (FusedConv, QLinearConv, NhwcConv);
# shape arithmetic may stay on the CPU.
HEAVY = ("Conv", "Gemm", "MatMul", "Resize", "Upsample")
FUSED = "TRTKernel"  # TensorRT's node for a whole part of the network, whose operators no profile shows
MEND = {
    "cuda": "install the NVIDIA driver and `pip install 'onnxruntime-gpu[cuda,cudnn]'`, or use --provider auto",
    "tensorrt": "install the NVIDIA driver and `pip install 'onnxruntime-gpu[cuda,cudnn]' 'tensorrt<11'`, "
    "or use --provider auto",
    "cpu": "install again: `pip install --force-reinstall onnxruntime`",
}


class ProviderError(PosewireError):
    """A provider that cannot run this network here, and why."""


class NotStartedError(ProviderError):
    """A provider whose libraries ONNX Runtime could not load: nothing that a session is told changes that."""


def missing_driver() -> str | None:
    """Why no NVIDIA GPU can be used here at all, or None if the driver is there and sees a GPU."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"no NVIDIA driver on this machine ({library} not found)"
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status:
        return f"the NVIDIA driver does not start (CUDA error {status})"
    return None if count.value else "the NVIDIA driver sees no GPU"


def reason_of(error: Exception) -> str:
    """What an error of ONNX Runtime says, in one line: without the place in its source that it begins with."""
    said = " ".join(str(error).split())
    return re.sub(r"^\S*\.(cc|h):\d+ .*?\) (const )?", "", said)[:200] or said[:200]


def nodes_by_provider(events: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Operators that ran on each provider, from the events of an ONNX Runtime profile."""
    found: dict[str, Counter[str]] = {}
    for event in events:
        arguments = event.get("args") or {}
        provider, operator = arguments.get("provider"), arguments.get("op_name")
        if event.get("cat") == "Node" and provider and operator:
            found.setdefault(provider, Counter())[operator] += 1
    return found


def misplaced(nodes: Mapping[str, Mapping[str, int]], provider: str) -> str | None:
    """Why a warm-up does not count as run on ``provider`` (ONNX Runtime's name), or None if it does.

    ``nodes``: of each provider the operators that ran and how often. The provider must have run heavy nodes, or a node
    that TensorRT fused, and no other one may have run any. A replayed CUDA graph shows no nodes: the run that was
    captured does.
    """
    if not nodes and provider == PROVIDERS["cpu"]:
        return None  # a network of constants, all of them computed when it was loaded: nothing is left to be misplaced
    if provider not in nodes:
        return f"ONNX Runtime ran no node on {provider}"
    strays = {
        operator: count
        for other, counts in nodes.items()
        if other != provider
        for operator, count in counts.items()
        if _is_heavy(operator)
    }
    if strays:
        listed = ", ".join(f"{count} {operator}" for operator, count in strays.items())
        return f"heavy nodes did not run on {provider}: {listed}"
    if provider != PROVIDERS["cpu"] and not any(
        _is_heavy(operator) or operator.startswith(FUSED) for operator in nodes[provider]
    ):
        return f"only {', '.join(nodes[provider])} ran on {provider}, and no heavy node anywhere"
    return None


def _is_heavy(operator: str) -> bool:
    return any(kind in operator for kind in HEAVY)


def read_profile(path: Path) -> list[dict[str, Any]]:
    """The events of a profile that ONNX Runtime wrote; the file is removed."""
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
    finally:
        path.unlink(missing_ok=True)
    return [event for event in events if isinstance(event, dict)]
