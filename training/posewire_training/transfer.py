"""Where a network's weights start: ImageNet, an earlier run, or a model file of other keypoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_models.modelfile import read_contract
from posewire_models.skeleton import Skeleton
from posewire_models.zoo import read_model, zoo_names
from posewire_training.config import Project, find_data
from posewire_training.network import build_network, to_network
from posewire_training.run_folder import read_arrays, read_json, read_settings
from posewire_training.settings import NetworkSettings

Weights = npt.NDArray[np.float32]
Start = Callable[[keras.Model], None]
# Heads with one channel, or two, for each keypoint or edge.
_PER_KEYPOINT = {"heatmap_logits": 1, "offsets_in_strides": 2}
_PER_EDGE = {"pafs": 2}


def start_of(project: Project, folder: Path, body: Skeleton, images: Sequence[npt.NDArray[np.uint8]]) -> Start | None:
    """What fills a new network's weights, as ``network.weights`` of the project says; None for random ones.

    ``folder``: the project file's. ``body``: the keypoints and edges of the new network. ``images``: some padded frames
    ``[H, W, C]`` of the new data: a model file has no batch norms left, so theirs are measured anew on these.
    Raises InputError for a start that is not there or does not fit.
    """
    text, network = project.network.weights, project.network
    if text == "none":
        return None
    if text == "imagenet":
        return lambda model: _from_backbone(model, network, text)
    if text in zoo_names():
        return lambda model: _from_model_file(model, network, body, text, images)
    path = find_data(text, folder, project.data.root if project.data else None, "network.weights")
    if path.suffix == ".onnx":
        return lambda model: _from_model_file(model, network, body, str(path), images)
    if (path / "run.json").is_file():
        return lambda model: _from_run(model, network, body, path)
    return lambda model: _from_backbone(model, network, path)


def _from_backbone(model: keras.Model, settings: NetworkSettings, weights: Path | str) -> None:
    """Weights of MobileNetV2 without top; its first kernel (made for RGB) is put into the network's order."""

    def backbone(start: str | None, side: int | None) -> keras.Model:
        return keras.applications.MobileNetV2(
            alpha=settings.alpha, include_top=False, weights=start, input_shape=(side, side, 3)
        )

    try:
        if weights == "imagenet":
            source = backbone("imagenet", 224)
        else:
            source = backbone(None, None)
            source.load_weights(str(_weight_file(Path(weights), settings.alpha)))
    except InputError:
        raise
    except Exception as error:  # Keras raises whatever h5py, the network or its own checks raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"network.weights: {weights}: not usable for MobileNetV2 of alpha {settings.alpha} ({reason}); "
            "give a weight file without top, or 'none'"
        ) from None
    ours = {layer.name: layer for layer in model.layers}
    for layer in source.layers:
        if layer.weights and layer.name in ours:  # the last convolution, for classes, has no place in a pose network
            values = layer.get_weights()
            if layer.name == "Conv1":
                values = [recoloured(values[0], "rgb", settings.color)]
            ours[layer.name].set_weights(values)


def _weight_file(path: Path, alpha: float) -> Path:
    """``path`` itself, or the file for this alpha in the folder."""
    if not path.is_dir():
        return path
    found = sorted(file for file in path.glob("*.h5") if f"_{alpha:g}_" in file.name or f"_{alpha:.1f}_" in file.name)
    if not found:
        raise InputError(
            f"network.weights: {path}: holds no weight file (*_{alpha}_*.h5) for alpha {alpha}, and no run"
        )
    return found[0]


def recoloured(kernel: Weights, have: str, want: str) -> Weights:
    """A first kernel ``[3, 3, C, filters]`` for channels in the order ``have`` as one for ``want``: the same answer to
    the same (gray) picture."""
    if have == want:
        return kernel
    if want == "gray":
        return np.asarray(kernel.sum(axis=2, keepdims=True), np.float32)
    if have == "gray":
        return np.repeat(kernel / 3, 3, axis=2)
    return kernel[:, :, ::-1]


def _from_run(model: keras.Model, settings: NetworkSettings, body: Skeleton, run: Path) -> None:
    """The running mean of an earlier run."""
    record, theirs = read_json(run / "run.json"), read_settings(run)
    source = network_of(run, theirs, record)
    them = Skeleton(tuple(record["keypoints"]), tuple((a, b) for a, b in record["skeleton"]))
    taken = 0
    for layer in model.layers:
        known = next((other for other in source.layers if other.name == layer.name), None)
        if known is not None and layer.weights:
            values = known.get_weights()
            if layer.name == "Conv1":
                values = [recoloured(values[0], theirs.network.color, settings.color)]
            taken += _take(layer, values, body, them)
    _refuse_strangers(taken, str(run))


def network_of(run: Path, settings: Project, record: dict[str, Any]) -> keras.Model:
    """The network of a run with the running mean of its weights, at the last checkpoint."""
    state = read_arrays(run / "checkpoint.npz")
    edges = len(record["skeleton"]) if settings.animals > 1 else 0
    model = build_network(settings.network, len(record["keypoints"]), edges)
    values = [state.get(f"average/{i:03d}") for i in range(len(model.weights))]
    if any(value is None or value.shape != tuple(w.shape) for value, w in zip(values, model.weights, strict=True)):
        raise InputError(f"{run}: checkpoint.npz does not fit settings.json; train the run again")
    model.set_weights(values)
    return model


def _from_model_file(
    model: keras.Model,
    settings: NetworkSettings,
    body: Skeleton,
    name: str,
    images: Sequence[npt.NDArray[np.uint8]],
) -> None:
    """Convolutions of an ONNX file of Posewire's, whose batch norms are folded into them."""
    file = read_model(name)
    contract = read_contract(file)
    named = [
        layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    ]
    convolutions = _convolutions(file.data, named)
    taken = 0
    for layer in model.layers:
        if layer.name in convolutions:
            kernel, bias = convolutions[layer.name]
            if layer.name == "Conv1":
                kernel = recoloured(kernel, contract.color, settings.color)
            if layer.use_bias:
                if layer.name == "offsets_in_strides":
                    kernel, bias = kernel / np.float32(contract.stride), bias / np.float32(contract.stride)
                taken += _take(layer, [kernel, bias], body, contract.body)
            elif tuple(kernel.shape) == tuple(layer.kernel.shape):
                layer.set_weights([kernel])
                _set_norm(_norm_after(layer), np.zeros_like(bias), np.ones_like(bias), bias)
                taken += 1
    _refuse_strangers(taken, name)
    _measure_norms(model, images)


def _convolutions(data: bytes, layers: Sequence[str]) -> dict[str, tuple[Weights, Weights]]:
    """Kernel in Keras' order and bias of each convolution in an ONNX file, by the name of the layer it was made of."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(data).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type != "Conv" or len(node.input) != 3 or not set(node.input[1:]) <= constants.keys():
            continue
        names = " ".join((node.name, *node.input[1:]))
        kernel, bias = (constants[name].astype(np.float32) for name in node.input[1:])
        for layer in layers:
            if re.search(rf"(?:^|[/ ]){re.escape(layer)}(?:_\d+)?/", names):
                # ONNX: [out, in, h, w]; Keras: [h, w, in, out], and [h, w, in, 1] where each channel is its own.
                deep = kernel.shape[1] == 1 and "depthwise" in layer
                found[layer] = (kernel.transpose((2, 3, 0, 1) if deep else (2, 3, 1, 0)), bias)
    return found


def _norm_after(layer: Any) -> Any:
    """The batch norm that reads a convolution (through a padding never, so it is the next layer)."""
    return layer._outbound_nodes[0].operation


def _set_norm(norm: Any, mean: Weights, variance: Weights, bias: Weights) -> None:
    """Make a batch norm add ``bias`` and nothing else, for inputs of this mean and variance."""
    norm.set_weights([np.sqrt(variance + norm.epsilon), bias + mean, mean, variance])


def _measure_norms(model: keras.Model, images: Sequence[npt.NDArray[np.uint8]]) -> None:
    """Let every batch norm that only adds a bias know mean and variance of its input, so that training, which norms by
    those, starts from the same function."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    look = keras.Model(model.inputs, [norm.input for norm in norms])
    sums = [np.zeros((3, norm.gamma.shape[0])) for norm in norms]
    for image in images:
        for total, values in zip(sums, look(to_network(image[None]), training=False), strict=True):
            flat = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
            total += [np.full(flat.shape[1], len(flat)), flat.sum(axis=0), (flat**2).sum(axis=0)]
    for norm, (count, total, squares) in zip(norms, sums, strict=True):
        _, beta, mean, variance = norm.get_weights()
        plain = np.allclose(mean, 0) and np.allclose(variance, 1)
        if plain and count.all():
            middle = total / count
            spread = np.maximum(squares / count - middle**2, 1e-6)
            _set_norm(norm, middle.astype(np.float32), spread.astype(np.float32), beta)


def _take(layer: Any, values: list[Weights], body: Skeleton, them: Skeleton) -> int:
    """Fill a layer from another network's of the same name, channel by channel where those mean keypoints or edges.

    Returns 1 if anything was taken."""
    if layer.name in _PER_KEYPOINT:
        pairs = [
            (body.keypoints.index(name), them.keypoints.index(name))
            for name in set(body.keypoints) & set(them.keypoints)
        ]
        return _take_channels(layer, values, pairs, _PER_KEYPOINT[layer.name])
    if layer.name in _PER_EDGE:
        theirs = [tuple(them.keypoints[i] for i in edge) for edge in them.edges]
        ours = [tuple(body.keypoints[i] for i in edge) for edge in body.edges]
        return _take_channels(
            layer, values, [(ours.index(e), theirs.index(e)) for e in set(ours) & set(theirs)], _PER_EDGE[layer.name]
        )
    if [tuple(value.shape) for value in values] != [tuple(weight.shape) for weight in layer.weights]:
        return 0
    layer.set_weights(values)
    return 1


def _take_channels(layer: Any, values: list[Weights], pairs: list[tuple[int, int]], width: int) -> int:
    kernel, bias = layer.get_weights()
    if not pairs or kernel.shape[:-1] != values[0].shape[:-1]:
        return 0
    for ours, theirs in pairs:
        here, there = slice(ours * width, (ours + 1) * width), slice(theirs * width, (theirs + 1) * width)
        kernel[..., here], bias[here] = values[0][..., there], values[1][there]
    layer.set_weights([kernel, bias])
    return 1


def _refuse_strangers(taken: int, where: str) -> None:
    """Raises InputError if next to nothing fitted: another alpha, or a file whose weights are not to be read."""
    if taken < 20:  # the backbone alone has 52 convolutions
        raise InputError(
            f"network.weights: {where}: {taken} of its layers fit this network; expected a run or model of the same "
            "network.alpha and network.channels, in fp32"
        )
