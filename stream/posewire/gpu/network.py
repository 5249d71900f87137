"""A network on a GPU: fixed device buffers, one stream for copies and network, and only what is needed comes back.

Of one animal that is ``peaks`` [N, K, 3], where the graph computes them; else the maps. With a CUDA graph the whole
network is one launch: ONNX Runtime records the first run and replays it, which is why every buffer keeps its place.

This file has not been run on a GPU.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime

from posewire.compute import Compute
from posewire.gpu import build
from posewire.gpu.driver import device
from posewire.gpu.engines import EngineError, EngineFacts, engine_folder, engine_root
from posewire.gpu.libraries import installed_version, load_cuda, load_tensorrt
from posewire.gpu.options import provider_options
from posewire.gpu.state import read_gpus
from posewire.providers import NotStartedError, ProviderError, reason_of
from posewire.session import Model, Network
from posewire_models.modelfile import INPUT

_MEMORY = "cuda"  # ONNX Runtime's name of the device memory, for TensorRT too


class GpuNetwork(Network):
    """A `Network` on CUDA or TensorRT. `run` copies ``frames`` up and the outputs down; all is done when it returns."""

    def __init__(
        self,
        model: Model,
        width: int,
        height: int,
        batch: int,
        compute: Compute,
        seen: tuple[int, int] | None,
    ) -> None:
        load_cuda()
        self._device = device()
        self._paged: str | None = None
        # The session uses the stream, and its folder of engines until it is open.
        with ExitStack() as self._until_open:
            super().__init__(model, width, height, batch=batch, compute=compute, seen=seen)
        if self._paged is not None:
            self.notes += (f"no page-locked memory ({self._paged}): copies to the GPU take longer",)

    def run(self) -> None:
        """Run the network on ``frames``; releases the interpreter lock while it works."""
        gpu = self._device
        gpu.use()
        self._upload()
        self._session.run_with_iobinding(self._binding, self._run_options)
        for download in self._downloads:
            download()
        gpu.wait()

    def _array(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        if self.compute.pinned and self._paged is None:
            try:
                return self._device.page_locked(shape, dtype)
            except ProviderError as error:
                self._paged = str(error)
        return super()._array(shape, dtype)

    def _providers(self, model: Model) -> list[tuple[str, dict[str, str]]]:
        engines = self._engines(model) if self.provider == "tensorrt" else None
        return provider_options(self.compute, self._device.stream, engines)

    def _engines(self, model: Model) -> Path:
        load_tensorrt()
        gpu = self._device
        states = read_gpus()
        facts = EngineFacts(
            model=model.contract.name,
            model_sha256=model.sha256,
            shape=self.frames.shape,
            outputs=tuple(self._outputs),
            precision="fp16" if self.compute.fp16 else "fp32",
            gpu=gpu.name,
            compute_capability=gpu.compute_capability,
            driver=f"CUDA {gpu.cuda_version}, {states[0].driver if states else 'unknown'}",
            tensorrt=installed_version(),
            onnxruntime=onnxruntime.__version__,
        )
        root = engine_root(self.compute.engine_cache)
        if root is None:
            root = Path(self._until_open.enter_context(tempfile.TemporaryDirectory(prefix="posewire-")))
        with tempfile.TemporaryDirectory(prefix="posewire-") as folder:
            file, task = Path(folder) / "model.onnx", Path(folder) / "order.json"
            file.write_bytes(model.data)

            def command(part: Path) -> list[str]:
                task.write_text(json.dumps(build.order(file, self.frames.shape, self.compute, part)), encoding="utf-8")
                return build.command(task)

            return engine_folder(root, facts, command, environment=build.environment(self.compute))

    def _bind(self, inputs: Mapping[str, npt.NDArray[Any]], outputs: Mapping[str, npt.NDArray[Any]]) -> None:
        self._run_options = onnxruntime.RunOptions()
        # The downloads are enqueued behind the network: one wait is enough.
        self._run_options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        self._values = []
        self._downloads = []
        try:
            for name, array in inputs.items():
                value = onnxruntime.OrtValue.ortvalue_from_numpy(array, _MEMORY, 0)
                self._binding.bind_ortvalue_input(name, value)
                self._values.append(value)
                if name == INPUT:
                    self._upload = self._device.upload(self.frames, int(value.data_ptr()))
            for name, array in outputs.items():
                value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype.type, _MEMORY, 0)
                self._binding.bind_ortvalue_output(name, value)
                self._values.append(value)
                self._downloads.append(self._device.download(int(value.data_ptr()), array))
        except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
            raise ProviderError(f"no memory on the GPU: {reason_of(error)}") from None


def open_gpu_network(
    model: Model, width: int, height: int, batch: int, compute: Compute, seen: tuple[int, int] | None
) -> Network:
    """A `GpuNetwork`; without a CUDA graph, and with a note that says so, where the network cannot be recorded (ONNX
    Runtime refuses it if any node is left to another provider). Raises ProviderError."""
    try:
        return GpuNetwork(model, width, height, batch, compute, seen)
    except ProviderError as error:
        if isinstance(error, (EngineError, NotStartedError)) or not compute.cuda_graph:
            raise
        reason = error
    network = GpuNetwork(model, width, height, batch, replace(compute, cuda_graph=False), seen)
    network.notes += (f"without a CUDA graph: {reason}",)
    return network
