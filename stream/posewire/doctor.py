"""What this machine can do: each provider proven by running a network on it, each camera found, and what to fix."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from posewire import __version__
from posewire.clock import CLOCK_NAME, now_ns, resolution_ns
from posewire.compare import largest_difference_px
from posewire.compute import Compute
from posewire.config import DEFAULT_MODEL
from posewire.frame import Image
from posewire.gpu.state import read_gpus
from posewire.preprocess import plan
from posewire.providers import MEND, PROVIDERS
from posewire.realtime import what_is_allowed
from posewire.session import Model, default_threads, load_model, network_on
from posewire.sources import open_source
from posewire.sources.opencv import list_cameras
from posewire_models.errors import PosewireError

_ONE_OF = {
    "OpenCV": ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "ONNX Runtime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
}
_RUNS = 30
_SCENE = "synthetic:size=320x256,frames=4,seed=1"


def examine() -> dict[str, Any]:
    """Run every check. ``fix`` lists what stands in the way, one sentence each, with the mend."""
    fix: list[str] = []
    versions = {name: _version(name) for name in ("numpy", "numba", "pyzmq", "msgpack", "pydantic")}
    for what, packages in _ONE_OF.items():
        found = [f"{name} {version}" for name in packages if (version := _version(name))]
        versions[what] = ", ".join(found) or None
        if len(found) > 1:
            fix.append(
                f"{len(found)} packages of {what} overwrite each other ({', '.join(found)}): uninstall all but one"
            )
    model, images = load_model(DEFAULT_MODEL), _drawn(_SCENE)
    providers = {name: _prove(name, model, images) for name in PROVIDERS}
    for name, result in providers.items():
        if not result["works"] and (name == "cpu" or "no NVIDIA" not in result["reason"]):
            fix.append(f"{name}: {result['reason']}; {MEND[name]}")
    cameras = list_cameras()
    fix += [
        f"camera:{camera.index} ({camera.name}) does not open: close the program that uses it, "
        "or allow your user the device"
        for camera in cameras
        if not camera.opened
    ]
    cache = _numba_cache()
    if not cache["writable"]:
        fix.append(
            f"Numba cannot keep compiled code in {cache['folder']}: set NUMBA_CACHE_DIR to a folder you can write"
        )
    return {
        "posewire": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": default_threads(),
        "versions": versions,
        "clock": {"name": CLOCK_NAME, "resolution_ns": resolution_ns(), "sleep_1ms_takes_ms": _sleep_ms()},
        "providers": providers,
        "gpus": [dataclasses.asdict(gpu) for gpu in read_gpus()],
        "cameras": [dataclasses.asdict(camera) for camera in cameras],
        "numba_cache": cache,
        "realtime": [dataclasses.asdict(hint) for hint in what_is_allowed()],
        "fix": fix,
    }


def readable(result: dict[str, Any]) -> str:
    """The examination as text for a terminal."""
    lines = [
        f"Posewire {result['posewire']}, Python {result['python']}, {result['system']}, {result['cores']} cores",
        "versions   " + ", ".join(f"{name} {version or 'missing'}" for name, version in result["versions"].items()),
        f"clock      {result['clock']['name']}, resolution {result['clock']['resolution_ns']} ns, "
        f"a sleep of 1 ms takes {result['clock']['sleep_1ms_takes_ms']:.2f} ms",
    ]
    for name, outcome in result["providers"].items():
        verdict = f"does not run here: {outcome.get('reason')}"
        if outcome["works"]:
            verdict = f"works: {outcome['model']} in {outcome['p50_ms']:.2f} ms (p50 of {_RUNS} runs)"
            apart = outcome["largest_difference_px"]
            if apart is not None:
                verdict += f", keypoints at most {apart:.4f} px from the CPU's"
        lines.append(f"provider   {name}: {verdict}")
        lines += [f"           {name}: {note}" for note in outcome.get("notes", ())]
    lines += [
        f"GPU        {gpu['name']}, driver {gpu['driver']}, {_told(gpu['sm_clock_mhz'], 'MHz')} "
        f"(at most {_told(gpu['most_sm_clock_mhz'], 'MHz')}), {_told(gpu['temperature_c'], '°C')}, "
        f"{_told(gpu['power_w'], 'W')}, {_told(gpu['utilization_percent'], '%')} busy"
        for gpu in result["gpus"]
    ]
    cameras = result["cameras"]
    lines += [
        f"camera     camera:{c['index']} {c['name']} ({c['backend']}) {c['width']}x{c['height']} "
        f"at {c['fps']:g} frames/s"
        for c in cameras
        if c["opened"]
    ] or ["camera     none found"]
    lines.append(f"Numba      keeps compiled code in {result['numba_cache']['folder']}")
    lines += [
        f"realtime   {hint['what']}: " + ("allowed" if hint["granted"] else f"not allowed: {hint['reason']}")
        for hint in result["realtime"]
    ]
    lines += [f"to fix     {sentence}" for sentence in result["fix"]] or ["nothing to fix"]
    return "\n".join(lines)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _told(value: float | None, unit: str) -> str:
    return f"? {unit}" if value is None else f"{value:g} {unit}"


def _drawn(spec: str) -> list[Image]:
    """All frames of a source."""
    source = open_source(spec)
    source.open()
    try:
        frames = []
        while (frame := source.read()) is not None:
            frames.append(frame.image.copy())
    finally:
        source.close()
    return frames


def _prove(provider: str, model: Model, images: list[Image]) -> dict[str, Any]:
    """Run a provider; but for the CPU itself, also how far its keypoints are from the CPU's (None if there are none
    to compare)."""
    geometry = plan(model.contract, images[0].shape[1], images[0].shape[0])
    try:
        network = network_on(provider, model, *geometry.padded, seen=geometry.resized)
        apart = np.nan if provider == "cpu" else largest_difference_px(model, images, Compute(provider))
    except PosewireError as error:
        return {"works": False, "reason": str(error)}
    durations = []
    for _ in range(_RUNS):
        start = now_ns()
        network.run()
        durations.append(now_ns() - start)
    return {
        "works": True,
        "model": model.contract.name,
        "p50_ms": float(np.median(durations)) / 1e6,
        "largest_difference_px": float(apart) if np.isfinite(apart) else None,
        "notes": list(network.notes),
    }


def _sleep_ms() -> float:
    durations = []
    for _ in range(20):
        start = now_ns()
        time.sleep(0.001)
        durations.append(now_ns() - start)
    return float(np.median(durations)) / 1e6


def _numba_cache() -> dict[str, Any]:
    """Where Numba keeps what it compiles: $NUMBA_CACHE_DIR, else beside the package if that can be written."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).parent)
    return {"folder": str(folder), "writable": os.access(folder, os.W_OK), "python": sys.executable}
