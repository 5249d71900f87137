"""A network ready to run: ONNX Runtime session, fixed input shape, bound buffers, proven provider."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from posewire.frame import Floats, Image
from posewire.providers import AUTO, MEND, PROVIDERS, misplaced, missing_driver, nodes_by_provider, read_profile
from posewire_models.contract import ModelContract
from posewire_models.errors import InputError, PosewireError, nearest
from posewire_models.modelfile import read_contract
from posewire_models.zoo import read_model

WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Model:
    """A model file that keeps its contract: what it says of itself, its bytes and their sha256 (hex)."""

    contract: ModelContract
    path: Path
    data: bytes
    sha256: str


def load_model(name_or_path: str) -> Model:
    """Read and check a zoo model or an ONNX file. Raises InputError or ModelError."""
    model = read_model(name_or_path)
    return Model(read_contract(model), model.path, model.data, model.sha256)


class ProviderError(PosewireError):
    """A provider that cannot run this network here, and why."""


class Network:
    """One session for one input shape [1, H, W, C]; its buffers are allocated once and bound.

    ``frames`` uint8 [N, H, W, C] is filled by the caller; `run` leaves ``heatmaps`` float32 [N, h, w, K],
    ``offsets`` float32 [N, h, w, K, 2] and, for several animals, ``pafs`` float32 [N, h', w', E, 2] (else None).
    ``provider`` is the short name of what really ran the warm-up.
    Raises ProviderError if the provider does not prove itself.
    """

    def __init__(self, model: Model, width: int, height: int, provider: str, threads: int, batch: int = 1) -> None:
        contract = model.contract
        if provider != "cpu" and (reason := missing_driver()):
            raise ProviderError(reason)
        self.provider = provider
        self.refused: tuple[str, ...] = ()
        self.frames: Image = np.zeros((batch, height, width, contract.channels), np.uint8)
        grid = (batch, height // contract.stride, width // contract.stride, len(contract.keypoints))
        self.heatmaps: Floats = np.zeros(grid, np.float32)
        self.offsets: Floats = np.zeros((*grid, 2), np.float32)
        self.pafs: Floats | None = None
        outputs = {"heatmaps": self.heatmaps, "offsets": self.offsets}
        if contract.animals == "many" and contract.paf_stride is not None:
            cells = (height // contract.paf_stride, width // contract.paf_stride)
            self.pafs = np.zeros((batch, *cells, len(contract.skeleton), 2), np.float32)
            outputs["pafs"] = self.pafs
        with tempfile.TemporaryDirectory(prefix="posewire-") as folder:
            self._session = _open_session(model, (batch, height, width), provider, threads, Path(folder))
            self._binding = self._session.io_binding()
            # The arrays stay alive as attributes: these values share their memory.
            self._binding.bind_ortvalue_input("frames", onnxruntime.OrtValue.ortvalue_from_numpy(self.frames))
            for name, array in outputs.items():
                self._binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
            self._prove()

    def run(self) -> None:
        """Run the network on ``frames``; releases the interpreter lock while it works."""
        self._session.run_with_iobinding(self._binding)

    def _prove(self) -> None:
        name = PROVIDERS[self.provider]
        if name not in self._session.get_providers():
            raise ProviderError(f"ONNX Runtime could not start {name} and fell back to the CPU")
        try:
            for _ in range(WARM_UP_RUNS):
                self.run()
        except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
            raise ProviderError(f"the warm-up failed: {' '.join(str(error).split())[:200]}") from None
        finally:
            profile = Path(self._session.end_profiling())
        if reason := misplaced(nodes_by_provider(read_profile(profile)), name):
            raise ProviderError(reason)


def _open_session(model: Model, shape: tuple[int, int, int], provider: str, threads: int, folder: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_profiling = True  # ended after the warm-up
    options.profile_file_prefix = str(folder / "warm-up")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    for dimension, size in zip(("N", "H", "W"), shape, strict=True):
        options.add_free_dimension_override_by_name(dimension, size)
    providers = list(dict.fromkeys([PROVIDERS[provider], *([] if provider == "cpu" else [PROVIDERS["cpu"]])]))
    if provider != "cpu":
        # Finds the CUDA libraries of the pip packages; without them the provider cannot load.
        getattr(onnxruntime, "preload_dlls", lambda: None)()
    try:
        session = onnxruntime.InferenceSession(model.data, options, providers=providers)
    except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
        raise ProviderError(f"no session: {' '.join(str(error).split())[:200]}") from None
    session.disable_fallback()
    return session


def open_network(
    model: Model, width: int, height: int, provider: str = "auto", threads: int = 0, batch: int = 1
) -> Network:
    """A warmed-up network for ``batch`` inputs of ``width`` x ``height`` pixels on the named provider.

    ``auto`` takes the first of CUDA and CPU that proves itself; the network's ``refused`` says why others did not.
    ``threads`` of 0 leaves the number to `default_threads`.
    Raises InputError for an unknown provider or a named one that cannot run here, with the mend, and for more threads
    than cores.
    """
    if provider != "auto" and provider not in PROVIDERS:
        raise InputError(
            f"--provider {provider}: expected auto, {', '.join(PROVIDERS)}{nearest(provider, ['auto', *PROVIDERS])}"
        )
    cores = os.cpu_count() or 1
    if threads > cores:
        raise InputError(
            f"--threads {threads}: this machine has {cores} cores, and more threads than cores take turns and stall; "
            f"give at most {cores}, or 0 to have it chosen"
        )
    reasons: list[str] = []
    for candidate in AUTO if provider == "auto" else (provider,):
        try:
            network = Network(model, width, height, candidate, threads or default_threads(), batch)
        except ProviderError as error:
            reasons.append(f"{candidate}: {error}")
            mend = MEND[candidate]
        else:
            network.refused = tuple(reasons)
            return network
    raise InputError(f"--provider {provider} cannot run {model.contract.name}: {'; '.join(reasons)}; {mend}")


def default_threads() -> int:
    """Threads of ONNX Runtime on the CPU if the user named none.

    Half of the cores, four at most: the grabber and the reader's program need the others, and small networks do not
    gain from more. On two cores one thread is slower by a third than two, but steadier beside neighbours.
    """
    return max(1, min(4, (os.cpu_count() or 2) // 2))
