"""The libraries of CUDA and TensorRT: found where pip puts them, and which version TensorRT is."""

from __future__ import annotations

import importlib
import io
from contextlib import redirect_stdout, suppress
from importlib import metadata

import onnxruntime

_PACKAGES = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-cu13-libs", "tensorrt-cu12-libs")
_LOADERS = ("tensorrt_libs", "tensorrt")


def load_cuda() -> None:
    """Load the CUDA libraries of pip packages, without which ONNX Runtime's providers do not load. What it prints of
    missing ones is left out: the provider says which one it lacks."""
    with redirect_stdout(io.StringIO()):
        getattr(onnxruntime, "preload_dlls", lambda: None)()


def load_tensorrt() -> None:
    """Load TensorRT's libraries from an installed package; nothing if there is none (a system's own may be found)."""
    for module in _LOADERS:
        with suppress(Exception):  # a package that does not fit this machine says so in ways of its own
            importlib.import_module(module)
            return


def installed_version() -> str:
    """The version of the installed package, or ``unknown`` for libraries that did not come from pip."""
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(package)
    return "unknown"
