"""A network ready to run: ONNX Runtime session, fixed input shape, bound buffers, proven provider.

Here is what all providers share, and the CPU; what only a GPU needs is in `posewire.gpu`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from posewire.compute import Compute
from posewire.frame import Floats, Image
from posewire.providers import (
    AUTO,
    MEND,
    PROVIDERS,
    NotStartedError,
    misplaced,
    missing_driver,
    nodes_by_provider,
    read_profile,
    reason_of,
)
from posewire.providers import ProviderError as ProviderError
from posewire_models.contract import ModelContract
from posewire_models.errors import InputError, nearest
from posewire_models.modelfile import INPUT, PEAKS, VALID_CELLS, read_file
from posewire_models.prune import only_outputs
from posewire_models.zoo import read_model

WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Model:
    """A model file that keeps its contract: what it says of itself, its bytes, their sha256 (hex), and whether it has
    the output ``peaks``.
    """

    contract: ModelContract
    path: Path
    data: bytes
    sha256: str
    peaks: bool = False


def load_model(name_or_path: str) -> Model:
    """Read and check a zoo model or an ONNX file. Raises InputError or ModelError."""
    model = read_model(name_or_path)
    contract, outputs = read_file(model)
    return Model(contract, model.path, model.data, model.sha256, PEAKS in outputs)


def output_shapes(
    contract: ModelContract, width: int, height: int, batch: int, peaks: bool
) -> dict[str, tuple[int, ...]]:
    """The outputs that are asked for, all float32, with their shapes: the peaks alone, or the maps."""
    count = len(contract.keypoints)
    if peaks:
        return {PEAKS: (batch, count, 3)}
    grid = (batch, height // contract.stride, width // contract.stride, count)
    shapes: dict[str, tuple[int, ...]] = {"heatmaps": grid, "offsets": (*grid, 2)}
    if contract.animals == "many" and contract.paf_stride is not None:
        cells = (height // contract.paf_stride, width // contract.paf_stride)
        shapes["pafs"] = (batch, *cells, len(contract.skeleton), 2)
    return shapes


class Network:
    """One session for one input shape [N, H, W, C]; its buffers are allocated once and bound.

    ``frames`` uint8 [N, H, W, C] is filled by the caller. `run` leaves ``heatmaps`` float32 [N, h, w, K], ``offsets``
    float32 [N, h, w, K, 2] and, for several animals, ``pafs`` float32 [N, h', w', E, 2] (else None); or, if they are
    computed in the graph, ``peaks`` float32 [N, K, 3] = x, y (pixels of the input), score (else None), and the maps
    are empty. ``provider`` is the short name of what really ran the warm-up; ``notes`` are remarks for people.

    ``seen``: width and height (px) of the part of the input that is not padding; all of it by default. A ``compute``
    replaces ``provider`` and ``threads``. Raises ProviderError if the provider does not prove itself.
    """

    def __init__(
        self,
        model: Model,
        width: int,
        height: int,
        provider: str = "cpu",
        threads: int = 1,
        batch: int = 1,
        *,
        compute: Compute | None = None,
        seen: tuple[int, int] | None = None,
    ) -> None:
        self.compute = compute or Compute(provider, threads)
        self.provider = self.compute.provider
        self.refused: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        contract = model.contract
        peaks = self.compute.peaks_in_graph(self.provider, contract.animals, model.peaks)
        shapes = output_shapes(contract, width, height, batch, peaks)
        self.frames: Image = self._array((batch, height, width, contract.channels), np.uint8)
        self._outputs = {name: self._array(shape, np.float32) for name, shape in shapes.items()}
        nothing: Floats = np.empty((0, 0, 0, len(contract.keypoints)), np.float32)
        self.heatmaps: Floats = self._outputs.get("heatmaps", nothing)
        self.offsets: Floats = self._outputs.get("offsets", nothing[..., None])
        self.pafs: Floats | None = self._outputs.get("pafs")
        self.peaks: Floats | None = self._outputs.get(PEAKS)
        inputs: dict[str, npt.NDArray[Any]] = {INPUT: self.frames}
        if peaks:
            # A cell that lies wholly in the padding cannot hold a keypoint.
            columns, rows = (-(-size // contract.stride) for size in seen or (width, height))
            inputs[VALID_CELLS] = np.array([rows, columns], np.float32)
        self._inputs = inputs
        # ONNX Runtime computes all of a file, also what nobody asked for.
        data = only_outputs(model.data, shapes) if model.peaks and not peaks else model.data
        with tempfile.TemporaryDirectory(prefix="posewire-") as folder:
            self._session = self._open(replace(model, data=data), Path(folder))
            name = PROVIDERS[self.provider]
            if name not in self._session.get_providers():
                raise NotStartedError(f"ONNX Runtime could not start {name} and fell back to the CPU")
            self._binding = self._session.io_binding()
            self._bind(inputs, self._outputs)
            self._prove(name)

    def run(self) -> None:
        """Run the network on ``frames``; releases the interpreter lock while it works."""
        self._session.run_with_iobinding(self._binding)

    def _array(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        return np.zeros(shape, dtype)

    def _open(self, model: Model, folder: Path) -> Any:
        return open_session(
            model.data, session_options(self.frames.shape, self.compute, folder), self._providers(model)
        )

    def _providers(self, model: Model) -> list[tuple[str, dict[str, str]]]:
        return [(PROVIDERS["cpu"], {})]

    def _bind(self, inputs: Mapping[str, npt.NDArray[Any]], outputs: Mapping[str, npt.NDArray[Any]]) -> None:
        # The arrays stay alive as attributes: these values share their memory.
        for name, array in inputs.items():
            self._binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        for name, array in outputs.items():
            self._binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))

    def _prove(self, name: str) -> None:
        try:
            for _ in range(WARM_UP_RUNS):
                self.run()
        except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
            raise ProviderError(f"the warm-up failed: {reason_of(error)}") from None
        finally:
            profile = Path(self._session.end_profiling())
        if reason := misplaced(nodes_by_provider(read_profile(profile)), name):
            raise ProviderError(reason)


def session_options(shape: tuple[int, ...], compute: Compute, profile_folder: Path | None) -> Any:
    """ONNX Runtime's SessionOptions for inputs of ``shape`` [N, H, W, C]; ``profile_folder``: where the profile is
    written until it is ended (None: no profile)."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = compute.threads or default_threads()
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    if profile_folder is not None:
        options.enable_profiling = True  # ended after the warm-up
        options.profile_file_prefix = str(profile_folder / "warm-up")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    spinning = compute.spinning
    if spinning == "auto" and compute.provider != "cpu":
        spinning = "off"
    if spinning != "auto":
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning == "on" else "0")
    for dimension, size in zip(("N", "H", "W"), shape, strict=False):
        options.add_free_dimension_override_by_name(dimension, size)
    return options


def open_session(data: bytes, options: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
    """An InferenceSession that does not change its providers by itself. Raises ProviderError."""
    try:
        # Without its fallback, which tries the CPU and keeps the reason to itself.
        return onnxruntime.InferenceSession(data, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
        raise ProviderError(f"no session: {reason_of(error)}") from None


def open_network(
    model: Model,
    width: int,
    height: int,
    provider: str = "auto",
    threads: int = 0,
    batch: int = 1,
    *,
    compute: Compute | None = None,
    seen: tuple[int, int] | None = None,
) -> Network:
    """A warmed-up network for ``batch`` inputs of ``width`` x ``height`` pixels on the named provider.

    ``auto`` takes the first of CUDA and CPU that proves itself; the network's ``refused`` says why others did not.
    TensorRT only when it is named: making its engine takes minutes. ``threads`` of 0 leaves the number to
    `default_threads`. A ``compute`` replaces ``provider`` and ``threads``; ``seen`` as in `Network`.
    Raises InputError for an unknown provider or a named one that cannot run here, with the mend, and for more threads
    than cores.
    """
    compute = compute or Compute(provider, threads)
    provider = compute.provider
    if provider != "auto" and provider not in PROVIDERS:
        raise InputError(
            f"--provider {provider}: expected auto, {', '.join(PROVIDERS)}{nearest(provider, ['auto', *PROVIDERS])}"
        )
    cores = os.cpu_count() or 1
    if compute.threads > cores:
        raise InputError(
            f"--threads {compute.threads}: this machine has {cores} cores, and more threads than cores take turns and "
            f"stall; give at most {cores}, or 0 to have it chosen"
        )
    reasons: list[str] = []
    for candidate in AUTO if provider == "auto" else (provider,):
        try:
            network = network_on(candidate, model, width, height, batch, compute, seen)
        except ProviderError as error:
            reasons.append(f"{candidate}: {error}")
            mend = MEND[candidate]
        else:
            network.refused = tuple(reasons)
            return network
    raise InputError(f"--provider {provider} cannot run {model.contract.name}: {'; '.join(reasons)}; {mend}")


def network_on(
    provider: str,
    model: Model,
    width: int,
    height: int,
    batch: int = 1,
    compute: Compute | None = None,
    seen: tuple[int, int] | None = None,
) -> Network:
    """A warmed-up network on one provider (a key of `PROVIDERS`), else as `open_network`. Raises ProviderError."""
    compute = replace(compute or Compute(), provider=provider)
    if provider == "cpu":
        return Network(model, width, height, batch=batch, compute=compute, seen=seen)
    if reason := missing_driver():
        raise ProviderError(reason)
    from posewire.gpu.network import open_gpu_network  # the room that only GPUs need

    return open_gpu_network(model, width, height, batch, compute, seen)


def default_threads() -> int:
    """Threads of ONNX Runtime on the CPU if the user named none.

    Half of the cores, four at most: the grabber and the reader's program need the others, and small networks do not
    gain from more. On two cores one thread is slower by a third than two, but steadier beside neighbours.
    """
    return max(1, min(4, (os.cpu_count() or 2) // 2))
