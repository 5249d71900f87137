"""``python -m posewire.gpu.build ORDER.json``: makes one TensorRT engine in a folder, and ends.

A program of its own, since nothing can interrupt TensorRT at work but the end of its process. The order is what
`posewire.gpu.network` wrote: model file, input shape, settings, folder.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from posewire.compute import Compute


def order(model: Path, shape: tuple[int, ...], compute: Compute, folder: Path) -> dict[str, Any]:
    """What `main` is to do, as JSON: ``model`` is an ONNX file with the wanted outputs alone. The engine is the same
    with a CUDA graph and without."""
    return {
        "model": str(model),
        "shape": list(shape),
        "compute": replace(compute, cuda_graph=False).__dict__,
        "folder": str(folder),
    }


def command(path: Path) -> list[str]:
    """The program for an order that was written to ``path``."""
    return [sys.executable, "-m", "posewire.gpu.build", str(path)]


def environment(compute: Compute) -> dict[str, str]:
    """The environment of the program: unless half precision is allowed, TF32 (10 bits of a float32) is not either."""
    return dict(os.environ) if compute.fp16 else {**os.environ, "NVIDIA_TF32_OVERRIDE": "0"}


def main(path: Path) -> None:
    """Open a session, by which the engine is made and kept. Raises ProviderError."""
    from posewire.gpu.libraries import load_cuda, load_tensorrt
    from posewire.gpu.options import provider_options
    from posewire.providers import PROVIDERS, ProviderError
    from posewire.session import open_session, session_options

    task = json.loads(path.read_text(encoding="utf-8"))
    folder, compute = Path(task["folder"]), Compute(**task["compute"])
    load_cuda()
    load_tensorrt()
    options = session_options(tuple(task["shape"]), compute, None)
    session = open_session(Path(task["model"]).read_bytes(), options, provider_options(compute, None, folder))
    if PROVIDERS["tensorrt"] not in session.get_providers():
        raise ProviderError("ONNX Runtime could not start TensorRT; are its libraries of the version it was built for?")
    if not any(folder.glob("*.engine")):
        raise ProviderError("TensorRT took no part of the network, and no engine was made")


if __name__ == "__main__":
    from posewire_models.errors import PosewireError

    try:
        main(Path(sys.argv[1]))
    except PosewireError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
