"""Reading and checking model files through ONNX Runtime, which is all the runtime needs.

The quick look (`read_contract`) happens before every stream; the thorough one (`check_model`) runs the network at
odd sizes and lists every violation at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from posewire_models.contract import METADATA_KEY, ModelContract, parse_metadata
from posewire_models.errors import ModelError
from posewire_models.grid import padded_size
from posewire_models.peaks import Maps, best_peaks
from posewire_models.zoo import ModelBytes, read_model

ODD_SIZES = ((396, 406), (640, 480), (97, 33))
INPUT = "frames"
PEAKS = "peaks"
VALID_CELLS = "valid_cells"
MOST_PEAK_DIFFERENCE_PX = 1e-2  # of peaks computed in the graph, from those of the maps: float32 against float64


@dataclass(frozen=True)
class Port:
    """One input or output of an ONNX file: ``shape`` holds numbers and the names of dynamic dimensions."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


def plain_session(model: ModelBytes) -> Any:
    """A single-threaded CPU session without graph optimisation: enough to read and check a file.

    Raises ModelError if the bytes are no ONNX model.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
        reason = " ".join(str(error).split())[:160]
        hint = "needs a file beside it" if "external" in reason.lower() else "not a readable ONNX file"
        raise ModelError(f"model {model.path}: {hint} ({reason}); export it again with `posewire export`") from None


def read_contract(model: ModelBytes) -> ModelContract:
    """The contract of a model file. Raises ModelError: which field or tensor, and how to make it right."""
    return read_file(model)[0]


def read_file(model: ModelBytes) -> tuple[ModelContract, frozenset[str]]:
    """The contract of a model file and the names of its outputs. Raises ModelError like `read_contract`."""
    session = plain_session(model)
    contract = parse_metadata(session.get_modelmeta().custom_metadata_map, f"model {model.path}")
    violations = _all_port_violations(contract, session)
    if violations:
        raise ModelError(f"model {model.path}: {'; '.join(violations)}", tuple(violations))
    return contract, frozenset(port.name for port in session.get_outputs())


def _all_port_violations(contract: ModelContract, session: Any) -> list[str]:
    outputs = _ports(session.get_outputs())
    found = port_violations(contract, _ports(session.get_inputs()), outputs)
    if contract.animals == "one" and any(port.name == PEAKS for port in outputs):
        settable = {port.name: port for port in _ports(session.get_overridable_initializers())}
        if VALID_CELLS not in settable:
            found.append(f"output {PEAKS}: needs an input {VALID_CELLS!r}, float32 [2], with a default (model-file.md)")
        else:
            found += _port_violations(settable[VALID_CELLS], "tensor(float)", (2,), exact_names=True)
    return found


def port_violations(contract: ModelContract, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    """What is wrong with names, types and dimensions of the inputs and outputs, one sentence each."""
    count = len(contract.keypoints)
    expected: dict[str, tuple[str, tuple[int | str, ...]]] = {
        "heatmaps": ("tensor(float)", ("N", "h", "w", count)),
        "offsets": ("tensor(float)", ("N", "h", "w", count, 2)),
    }
    if contract.animals == "many":
        expected["pafs"] = ("tensor(float)", ("N", "h'", "w'", len(contract.skeleton), 2))
    elif any(port.name == PEAKS for port in outputs):
        expected[PEAKS] = ("tensor(float)", ("N", count, 3))
    found = []
    if [port.name for port in inputs] != [INPUT]:
        found.append(f"inputs: {[port.name for port in inputs]}; expected just {INPUT!r}")
    else:
        found += _port_violations(inputs[0], "tensor(uint8)", ("N", "H", "W", contract.channels), exact_names=True)
    by_name = {port.name: port for port in outputs}
    for name, (dtype, shape) in expected.items():
        if name not in by_name:
            found.append(f"output {name}: missing; the file has {', '.join(by_name) or 'none'}")
        else:
            found += _port_violations(by_name[name], dtype, shape, exact_names=False)
    return found


def _port_violations(port: Port, dtype: str, shape: Sequence[int | str], exact_names: bool) -> list[str]:
    found = []
    if port.dtype != dtype:
        found.append(f"{port.name}: type {port.dtype}; expected {dtype}")
    if len(port.shape) != len(shape):
        return [*found, f"{port.name}: {len(port.shape)} dimensions {list(port.shape)}; expected {list(shape)}"]
    for axis, (have, want) in enumerate(zip(port.shape, shape, strict=True)):
        if isinstance(want, int) and isinstance(have, int) and have != want:
            found.append(f"{port.name}: dimension {axis} is {have}; expected {want}")
        if isinstance(want, str) and (isinstance(have, int) or (exact_names and have != want)):
            found.append(f"{port.name}: dimension {axis} is {have!r}; expected the dynamic dimension {want!r}")
    return found


def _ports(nodes: Sequence[Any]) -> list[Port]:
    return [Port(node.name, node.type, tuple(node.shape)) for node in nodes]


def check_model(name_or_path: str) -> tuple[ModelContract | None, list[str]]:
    """Every violation of model file 1 at once: metadata, tensors, and what comes out at odd sizes.

    Returns the contract (None if the metadata is beyond use) and the violations, one sentence each. Raises
    InputError or ModelError only where there is nothing to check: no file, or not ONNX.
    """
    model = read_model(name_or_path)
    session = plain_session(model)
    metadata = session.get_modelmeta().custom_metadata_map
    violations: list[str] = []
    try:
        parse_metadata(metadata, f"model {model.path}", strict=True)
    except ModelError as error:
        violations += error.violations
    try:
        contract = parse_metadata({METADATA_KEY: metadata.get(METADATA_KEY, "")}, f"model {model.path}")
    except ModelError:
        return None, violations
    wrong_ports = _all_port_violations(contract, session)
    violations += wrong_ports
    if not wrong_ports:
        for width, height in ODD_SIZES:
            violations += _run_violations(session, contract, width, height)
        if contract.animals == "one" and any(port.name == PEAKS for port in session.get_outputs()):
            for width, height in (ODD_SIZES[0], ODD_SIZES[-1]):
                violations += _peaks_violations(session, contract, width, height)
    return contract, list(dict.fromkeys(violations))


def _run_violations(session: Any, contract: ModelContract, width: int, height: int) -> list[str]:
    """Run one noise image and two at once, padded to the file's multiple, and look at what comes out."""
    where = f"at {width}x{height}"
    shape = (padded_size(height, contract.pad_multiple), padded_size(width, contract.pad_multiple))
    frames = np.random.default_rng(0).integers(0, 256, (2, *shape, contract.channels), np.uint8)
    names = ["heatmaps", "offsets"] + (["pafs"] if contract.animals == "many" else [])
    try:
        both = dict(zip(names, session.run(names, {INPUT: frames}), strict=True))
        one = dict(zip(names, session.run(names, {INPUT: frames[:1]}), strict=True))
    except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
        return [f"{where}: the network does not run ({' '.join(str(error).split())[:160]})"]
    rows, columns = shape[0] // contract.stride, shape[1] // contract.stride
    count = len(contract.keypoints)
    expected: dict[str, tuple[int, ...]] = {
        "heatmaps": (2, rows, columns, count),
        "offsets": (2, rows, columns, count, 2),
    }
    if contract.animals == "many" and contract.paf_stride:
        paf = contract.paf_stride
        expected["pafs"] = (2, shape[0] // paf, shape[1] // paf, len(contract.skeleton), 2)
    found = []
    for name, want in expected.items():
        if both[name].shape != want:
            found.append(f"{where}: {name} has shape {list(both[name].shape)}; expected {list(want)}")
        elif not np.isfinite(both[name]).all():
            found.append(f"{where}: {name} holds NaN or infinity")
        elif not np.allclose(one[name][0], both[name][0], atol=1e-3):
            found.append(f"{where}: {name} of a frame depend on the other frames of its batch")
    heatmaps = both["heatmaps"]
    if heatmaps.size and (heatmaps.min() < 0 or heatmaps.max() > 1):
        found.append(
            f"{where}: heatmaps run from {heatmaps.min():.3g} to {heatmaps.max():.3g}; expected 0..1 (sigmoid inside)"
        )
    return found


def _peaks_violations(session: Any, contract: ModelContract, width: int, height: int) -> list[str]:
    """Hold the output ``peaks`` against the maps: all of them, and the first half of their rows and columns."""
    stride = contract.stride
    rows, columns = (padded_size(size, contract.pad_multiple) // stride for size in (height, width))
    frames = np.random.default_rng(1).integers(
        0, 256, (2, rows * stride, columns * stride, contract.channels), np.uint8
    )
    found = []
    for cells in (None, ((rows + 1) // 2, (columns + 1) // 2)):
        where = f"at {width}x{height}{'' if cells is None else f' with {VALID_CELLS} {list(cells)}'}"
        try:
            limit = {} if cells is None else {VALID_CELLS: np.array(cells, np.float32)}
            heatmaps, offsets, peaks = session.run(["heatmaps", "offsets", PEAKS], {INPUT: frames} | limit)
        except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
            found.append(f"{where}: {PEAKS} cannot be computed ({' '.join(str(error).split())[:160]})")
            continue
        if cells is not None:
            heatmaps, offsets = (maps[:, : cells[0], : cells[1]] for maps in (heatmaps, offsets))
        found += _peaks_apart(where, peaks, *best_peaks(heatmaps, offsets, stride))
    return found


def _peaks_apart(where: str, peaks: Maps, points: Maps, scores: Maps) -> list[str]:
    if peaks.shape != (*points.shape[:2], 3):
        return [f"{where}: {PEAKS} has shape {list(peaks.shape)}; expected {[*points.shape[:2], 3]}"]
    if not np.isfinite(peaks).all():
        return [f"{where}: {PEAKS} holds NaN or infinity"]
    apart = float(np.abs(peaks[..., :2] - points).max())
    if apart > MOST_PEAK_DIFFERENCE_PX or not np.allclose(peaks[..., 2], scores, atol=1e-5):
        return [f"{where}: {PEAKS} lie up to {apart:.3g} px from the best peaks of the maps (model-file.md)"]
    return []
