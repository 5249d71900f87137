"""A training run -> one ONNX file that needs nothing beside it (model file 1), and its card.

The file is kept only if ONNX Runtime gives what TensorFlow gives on the run's own frames.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnxruntime

from posewire_models.contract import METADATA_KEY, ModelContract
from posewire_models.errors import InputError, WorkError, nearest
from posewire_training.card import card_error, card_temperature
from posewire_training.card_facts import made_by, speed
from posewire_training.config import Project
from posewire_training.graph import Graph
from posewire_training.network import to_network
from posewire_training.peaks_output import with_peaks
from posewire_training.portrait import portrait
from posewire_training.precision import (
    PRECISIONS,
    Loss,
    animals_in,
    differences,
    edges_of,
    joined_loss,
    moved_px,
    reduced_run,
    refuse_loss,
    session_of,
)
from posewire_training.run_folder import (
    read_arrays,
    read_json,
    read_settings,
    write,
    write_json,
)
from posewire_training.settings import PAD_MULTIPLE
from posewire_training.transfer import network_of

import tensorflow as tf  # isort: skip  (after network.py, which quiets its start-up notices)
import tf2onnx  # isort: skip  (imports TensorFlow)

OPSET = 17
MOST_FIELD_DIFFERENCE = 1e-3
MOST_OFFSET_DIFFERENCE_PX = 0.05


@dataclass(frozen=True)
class Parity:
    """Largest differences between TensorFlow and ONNX Runtime, or between fp32 and fewer bits, on ``frames`` frames."""

    heatmaps: float
    offsets_px: float
    pafs: float
    frames: int

    @staticmethod
    def of(largest: Mapping[str, float], frames: int) -> Parity:
        """From the largest difference of each output of the model file."""
        return Parity(largest["heatmaps"], largest["offsets"], largest.get("pafs", 0.0), frames)

    @property
    def kept(self) -> bool:
        """Whether both mean the same network."""
        fields = max(self.heatmaps, self.pafs)
        return fields < MOST_FIELD_DIFFERENCE and self.offsets_px < MOST_OFFSET_DIFFERENCE_PX


def export(
    run: Path,
    *,
    output: Path | None = None,
    name: str | None = None,
    error_from: Sequence[Path] = (),
    precision: str = "fp32",
    allow_loss: bool = False,
) -> Path:
    """Write ``<name>.onnx`` (``<name>-fp16.onnx``, ``<name>-int8.onnx``) and its card; returns the path of the model.

    ``run``: a run folder. ``output``: folder to write to (default: the run's), or a path ending in ``.onnx``, whose
    stem is the name unless ``name`` is given. ``error_from``: runs of the same settings that held frames out (several:
    the parts of one whole), whose error stands on the card of a run that trained on all frames; in fewer bits, those
    runs' networks are treated in the same way and measured. ``allow_loss`` keeps a file whose error is more than 5 %
    above fp32's, or could not be measured.

    Raises InputError if a run is none or does not fit, WorkError if the parity check fails or too much accuracy is
    lost; nothing is kept then.
    """
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision}: expected {', '.join(PRECISIONS)}{nearest(precision, PRECISIONS)}")
    settings, record = read_settings(run), read_json(run / "run.json")
    folder, name = _place(run, output, name or None, settings.name, precision)
    error = card_error(settings, record, error_from)
    temperature = card_temperature(record, error_from)
    proto, parity = checked_onnx(run, settings, record, temperature)
    frames = list(read_arrays(run / "frames.npz")["frames"])
    costs: dict[str, float | None] = {}
    if precision != "fp32":
        if error["value"] is None and not allow_loss:
            raise InputError(
                f"{run}: held no frames out, so what {precision} costs cannot be measured; give --error-from a run "
                "of the same settings that did, or --allow-loss"
            )
        whole = proto
        proto, loss = reduced_run(run, settings, record, whole, precision)
        losses = [loss] if loss is not None else []
        if error_from:
            losses = [loss for other in error_from if (loss := _loss_elsewhere(other, precision, temperature))]
        if losses:
            if not allow_loss:
                refuse_loss(joined_loss(losses), str(run), precision)
            error = card_error(settings, record, error_from, losses, precision)
        parity = Parity.of(differences(whole, proto, frames), len(frames))
        costs["moved_px"] = moved_px(whole, proto, settings, frames, edges_of(settings, record))
    contract = ModelContract(
        name=name,
        keypoints=tuple(record["keypoints"]),
        skeleton=tuple((a, b) for a, b in record["skeleton"]),
        symmetric=tuple((a, b) for a, b in record["symmetric"]),
        stride=settings.network.stride,
        paf_stride=settings.network.paf_stride if settings.animals > 1 else None,
        pad_multiple=PAD_MULTIPLE,
        color=settings.network.color,
        animals="many" if settings.animals > 1 else "one",
        scale=settings.network.scale,
        min_score=settings.network.min_score,
        input_hint={"size": record["input_size"]},
        trained_on=record["trained_on"] | {"steps": record["step"]},
        error_px=error,
        parity=parity.heatmaps,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        posewire=version("posewire"),
        precision=precision,
        temperature=round(temperature, 4),
        decoding=decoding_for(len(record["keypoints"])) | settings.network.decoding if settings.animals > 1 else {},
    )
    frame_time = speed(proto, record["input_size"], contract.channels)
    if contract.animals == "one":
        proto = with_peaks(proto, contract.stride)
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    content = proto.SerializeToString()
    drawn = f"{name}.svg"
    options = "" if precision == "fp32" else f"--precision {precision}"
    card = dict(contract.__dict__) | {
        "parity_offsets_px": parity.offsets_px,
        "parity_pafs": parity.pafs,
        "parity_frames": parity.frames,
        **costs,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": record["versions"] | {"tf2onnx": version("tf2onnx"), "onnxruntime": onnxruntime.__version__},
        "training_seconds": round(record["seconds"]),
        "speed": frame_time,
        "made_by": made_by(run, error_from, options),
        "picture": drawn,
        "settings": settings.model_dump(mode="json"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    found = animals_in(proto, settings, frames, edges_of(settings, record))
    picture = portrait(found, contract.keypoints, contract.skeleton, contract.min_score, name)
    write(folder / drawn, picture.encode())
    write(folder / f"{name}.onnx", content)
    write_json(folder / f"{name}.json", card)
    return folder / f"{name}.onnx"


def decoding_for(keypoints: int) -> dict[str, Any]:
    """The rules of several animals that differ from the usual ones (`posewire_models.decoding`).

    The usual ones suit exact fields, and take what nothing speaks against. A network's fields are weak where animals
    lie on each other, and a little is everywhere: mean alignment tells more than how sharply a field fits, links must
    have something for them, and a few keypoints alone are no animal.
    """
    return {"alignment": "dot", "min_link": 0.2, "min_parts": max(2, keypoints // 3)}


def _loss_elsewhere(run: Path, precision: str, temperature: float) -> Loss | None:
    """What fewer bits cost the network of another run."""
    settings, record = read_settings(run), read_json(run / "run.json")
    return reduced_run(run, settings, record, checked_onnx(run, settings, record, temperature)[0], precision)[1]


def checked_onnx(run: Path, settings: Project, record: dict[str, Any], temperature: float = 1.0) -> tuple[Any, Parity]:
    """A run's network as ONNX, in fp32, and how near it comes to TensorFlow. Raises WorkError if that is not near.

    Logits of the heatmaps are divided by ``temperature`` in the weights themselves.
    """
    model = network_of(run, settings, record)
    logits = model.get_layer("heatmap_logits")
    logits.set_weights([weights / temperature for weights in logits.get_weights()])
    proto = to_onnx(model, len(record["keypoints"]), len(record["skeleton"]))
    parity = compare(model, proto, read_arrays(run / "frames.npz")["frames"])
    if not parity.kept:
        raise WorkError(
            f"{run}: ONNX Runtime differs from TensorFlow by {parity.heatmaps:.2g} in the heatmaps and "
            f"{parity.pafs:.2g} in the part affinity fields (allowed {MOST_FIELD_DIFFERENCE:g}) and "
            f"{parity.offsets_px:.2g} px in the offsets (allowed {MOST_OFFSET_DIFFERENCE_PX:g}); nothing was written"
        )
    return proto, parity


def to_onnx(model: keras.Model, keypoints: int, edges: int) -> Any:
    """The ONNX model: uint8 frames in, heatmaps 0..1, offsets in pixels and, of several animals, part affinity fields
    out, all scaling inside."""
    channels = model.inputs[0].shape[-1]
    several = len(model.outputs) > 2

    def serve(frames: Any) -> dict[str, Any]:
        logits, offsets, *fields = model(to_network(frames), training=False)
        return {"heatmaps": tf.sigmoid(logits), "offsets": offsets} | ({"pafs": fields[0]} if several else {})

    signature = [tf.TensorSpec([None, None, None, channels], tf.uint8, name="frames")]
    with _quiet():
        proto, _ = tf2onnx.convert.from_function(
            tf.function(serve, input_signature=signature), input_signature=signature, opset=OPSET
        )
    graph = Graph(proto)
    graph.fold_channel_factors()
    graph.fold_padding()
    graph.resize_by_factor(2.0)
    graph.split_last("offsets", [keypoints, 2])
    shapes: dict[str, list[str | int]] = {
        "frames": ["N", "H", "W", channels],
        "heatmaps": ["N", "h", "w", keypoints],
        "offsets": ["N", "h", "w", keypoints, 2],
    }
    if several:
        graph.split_last("pafs", [edges, 2])
        shapes["pafs"] = ["N", "h'", "w'", edges, 2]
    graph.name_dimensions(shapes)
    proto = graph.finished()
    proto.graph.name = "pose"
    return proto


def compare(model: keras.Model, proto: Any, frames: npt.NDArray[np.uint8]) -> Parity:
    """Run frames ``[N, H, W, C]`` through both, one by one."""
    session = session_of(proto)
    names = [port.name for port in session.get_outputs()]
    largest = dict.fromkeys(("heatmaps", "offsets", "pafs"), 0.0)
    for frame in frames:
        logits, *others = model(to_network(frame[None]), training=False)
        ours = dict(zip(("heatmaps", "offsets", "pafs"), (tf.sigmoid(logits), *others), strict=False))
        for name, found in zip(names, session.run(names, {"frames": frame[None]}), strict=True):
            apart = np.abs(np.asarray(ours[name]).reshape(found.shape) - found)
            largest[name] = max(largest[name], float(apart.max()))
    return Parity.of(largest, len(frames))


def _place(run: Path, output: Path | None, name: str | None, default: str, precision: str) -> tuple[Path, str]:
    """Folder and name to write; the name tells the precision, unless a file was named."""
    if output is not None and output.suffix == ".onnx":
        return output.parent, name or output.stem
    if output is not None and output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; expected a folder, or a path ending in .onnx")
    name = name or default
    suffix = "" if precision == "fp32" or name.endswith(f"-{precision}") else f"-{precision}"
    return output or run, name + suffix


@contextmanager
def _quiet() -> Iterator[None]:
    """tf2onnx tells of every pass; a user needs none of it."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
