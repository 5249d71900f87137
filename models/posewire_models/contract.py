"""Model file 1: what an ONNX file says of itself, to and from its metadata.

The JSON lies in the file's ``metadata_props["posewire"]``. Reading finds every violation at once; nothing is
filled in silently.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from posewire_models.decoding import Decoding, decoding_of, decoding_problems
from posewire_models.errors import ModelError
from posewire_models.skeleton import Pair, Skeleton, skeleton_problems

CONTRACT = 1
METADATA_KEY = "posewire"
CHANNELS = {"bgr": 3, "rgb": 3, "gray": 1}


@dataclass(frozen=True)
class ModelContract:
    """Everything the runtime must know to feed a network and to read its outputs.

    ``stride``, ``paf_stride`` and ``pad_multiple`` are pixels of the network's input; ``scale`` is the factor by
    which frames are resized before the network; ``color`` is the channel order of the input ``frames``.
    ``error_px`` is in pixels of the full source frame. ``precision`` tells the numbers it computes with: ``fp32``,
    ``fp16`` or ``int8``. ``temperature`` is what the heatmaps' logits were divided by at export. ``decoding`` holds the
    rules of several animals that differ from the usual ones, by their names in `posewire_models.decoding`.
    """

    name: str
    keypoints: tuple[str, ...]
    skeleton: tuple[Pair, ...]
    symmetric: tuple[Pair, ...]
    stride: int
    paf_stride: int | None
    pad_multiple: int
    color: str
    animals: str
    scale: float
    min_score: float
    input_hint: dict[str, Any]
    trained_on: dict[str, Any]
    error_px: dict[str, Any]
    parity: float | None
    created: str
    posewire: str
    precision: str = "fp32"
    temperature: float = 1.0
    decoding: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Number of channels of the input ``frames``: 3 or 1."""
        return CHANNELS[self.color]

    @property
    def body(self) -> Skeleton:
        """The keypoints, edges and mirror partners as one record."""
        return Skeleton(self.keypoints, self.skeleton, self.symmetric)

    @property
    def rules(self) -> Decoding:
        """How the maps of several animals are decoded."""
        return decoding_of(self.decoding)

    def to_json(self) -> str:
        """The text that is stored in the ONNX file."""
        return json.dumps({"contract": CONTRACT, **self.__dict__}, ensure_ascii=False)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(_is_int(i) for i in pair) for pair in value
    )


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_int(i) and i > 0 for i in value)


# Field -> (test, what was expected). `contract` is looked at first, since another version means other fields.
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_text, "a name"),
    "keypoints": (_is_names, "a list of names"),
    "skeleton": (_is_pairs, "a list of [i, j] pairs (may be empty)"),
    "symmetric": (_is_pairs, "a list of [i, j] pairs (may be empty)"),
    "stride": (lambda v: _is_int(v) and v > 0, "a positive whole number of pixels"),
    "paf_stride": (
        lambda v: v is None or (_is_int(v) and v > 0),
        "a positive whole number of pixels, or null without part affinity fields",
    ),
    "pad_multiple": (lambda v: _is_int(v) and v > 0, "a positive whole number of pixels"),
    "color": (lambda v: v in CHANNELS, f"one of {', '.join(CHANNELS)}"),
    "animals": (lambda v: v in ("one", "many"), "'one' or 'many'"),
    "scale": (lambda v: _is_number(v) and 0 < v <= 8, "a factor above 0 and at most 8"),
    "min_score": (lambda v: _is_number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    "input_hint": (lambda v: isinstance(v, dict) and _is_size(v.get("size")), 'e.g. {"size": [320, 256]}'),
    "trained_on": (
        lambda v: isinstance(v, dict) and _is_text(v.get("data")) and _is_text(v.get("licence")),
        '{"data": ..., "licence": ...}',
    ),
    "error_px": (
        lambda v: isinstance(v, dict) and "value" in v and "frames" in v,
        '{"value": px, "frames": n, "held_out": how}',
    ),
    "parity": (lambda v: v is None or _is_number(v), "the largest difference to the training framework"),
    "created": (_is_text, "a date"),
    "posewire": (_is_text, "the version that wrote the file"),
}
# Not needed to run a network: their absence is a violation for `models check`, not a reason to refuse a stream.
PROVENANCE = frozenset(
    {"input_hint", "trained_on", "error_px", "parity", "created", "posewire", "precision", "temperature"}
)


def contract_violations(fields: Mapping[str, Any]) -> dict[str, str]:
    """Every violation in the decoded metadata: field -> one sentence with the mend."""
    if "contract" not in fields:
        return {"contract": f"contract: missing; expected {CONTRACT}"}
    if fields["contract"] != CONTRACT:
        return {
            "contract": f"contract: this program reads version {CONTRACT}, the file says {fields['contract']!r}; "
            "export it again with this version of Posewire"
        }
    found: dict[str, str] = {}
    for field, (test, expected) in _FIELDS.items():
        if field not in fields:
            found[field] = f"{field}: missing; expected {expected}"
        elif not test(fields[field]):
            found[field] = f"{field}: {fields[field]!r}; expected {expected}"
    if not _is_text(fields.get("precision", "fp32")):  # younger than the others: files without it are in fp32
        found["precision"] = f"precision: {fields['precision']!r}; expected fp32, fp16 or int8"
    temperature = fields.get("temperature", 1.0)  # younger too
    if not (_is_number(temperature) and temperature > 0):
        found["temperature"] = f"temperature: {temperature!r}; expected a number above 0"
    decoding = fields.get("decoding", {})  # younger too
    if not isinstance(decoding, dict):
        found["decoding"] = f'decoding: {decoding!r}; expected an object, e.g. {{"min_parts": 4}}'
    elif "skeleton" not in found and (problems := decoding_problems(decoding, len(fields["skeleton"]))):
        found["decoding"] = "; ".join(f"decoding: {problem}" for problem in problems)
    if not {"keypoints", "skeleton", "symmetric"} & found.keys():
        for sentence in skeleton_problems(
            tuple(fields["keypoints"]), _pairs(fields["skeleton"]), _pairs(fields["symmetric"])
        ):
            found[sentence.split(":")[0]] = sentence
    if not {"stride", "pad_multiple"} & found.keys() and fields["pad_multiple"] % fields["stride"]:
        found["pad_multiple"] = (
            f"pad_multiple: {fields['pad_multiple']} is not a multiple of stride {fields['stride']}; "
            "the heatmap would not cover the padded image"
        )
    if not {"animals", "paf_stride"} & found.keys() and fields["animals"] == "many" and not fields["paf_stride"]:
        found["paf_stride"] = "paf_stride: needed for several animals (animals = 'many')"
    return found


def _pairs(value: list[list[int]]) -> tuple[Pair, ...]:
    return tuple((pair[0], pair[1]) for pair in value)


def parse_metadata(metadata: Mapping[str, str], where: str, strict: bool = False) -> ModelContract:
    """The contract in an ONNX file's ``metadata_props``.

    ``where`` names the file in errors. Unless ``strict``, provenance (who trained it, on what) may be absent.
    Raises ModelError with all violations.
    """
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{where}: no 'posewire' metadata, so keypoints and stride are unknown; "
            "export the network with `posewire export`, or write the metadata of model file 1 (docs/model-file.md)"
        )
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ModelError(f"{where}: the 'posewire' metadata is not JSON ({error}); export it again") from None
    if not isinstance(fields, dict):
        raise ModelError(f"{where}: the 'posewire' metadata must be a JSON object; export it again")
    found = contract_violations(fields)
    refused = [sentence for field, sentence in found.items() if strict or field not in PROVENANCE]
    if refused:
        raise ModelError(f"{where}: {'; '.join(refused)}", tuple(refused))
    return ModelContract(
        name=fields["name"],
        keypoints=tuple(fields["keypoints"]),
        skeleton=_pairs(fields["skeleton"]),
        symmetric=_pairs(fields["symmetric"]),
        stride=fields["stride"],
        paf_stride=fields["paf_stride"],
        pad_multiple=fields["pad_multiple"],
        color=fields["color"],
        animals=fields["animals"],
        scale=float(fields["scale"]),
        min_score=float(fields["min_score"]),
        input_hint=fields.get("input_hint") or {},
        trained_on=fields.get("trained_on") or {},
        error_px=fields.get("error_px") or {},
        parity=fields.get("parity"),
        created=str(fields.get("created", "")),
        posewire=str(fields.get("posewire", "")),
        precision=str(fields.get("precision", "fp32")),
        temperature=float(fields.get("temperature", 1.0)),
        decoding=dict(fields.get("decoding", {})),
    )
