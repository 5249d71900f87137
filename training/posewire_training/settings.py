"""The tables of a project file; every setting is documented at its field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from posewire_models.decoding import decoding_problems

ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)  # the widths that ImageNet weights exist for
PAD_MULTIPLE = 32  # MobileNetV2 halves the image five times

Share = Annotated[float, Field(ge=0, le=1)]
Size = tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]


class Part(BaseModel):
    """A table of the project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelFile(Part):
    """A label file, with the video it means where the file itself does not tell."""

    file: str
    """The label file, found like all data."""
    video: str | None = None
    """The video whose frames are labelled, for files that tell frame numbers only."""

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value


class DataSettings(Part):
    """Where labelled images come from, and which of them are held out."""

    labels: tuple[LabelFile, ...] = ()
    """Label files, relative to ``root``: names, patterns (``labeled-data/*/CollectedData_*.csv``), or tables
    ``{ file = ..., video = ... }``. Training needs one; to choose frames of the videos, none is needed yet."""
    videos: tuple[str, ...] = ()
    """The project's videos, found like label files: `posewire frames` chooses frames of them."""
    root: str | None = None
    """Folder of the data, relative to the project file; the environment variable POSEWIRE_DATA wins over it.
    Without either, label files are looked up from the project file's folder and each folder above it."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Fraction of the frames held out to measure the error; 0 trains on all of them."""
    validation_images: tuple[str, ...] = ()
    """Names (or ends of paths) of the images to hold out, instead of a random fraction."""
    train_images: tuple[str, ...] = ()
    """Names (or ends of paths) of the images to learn from, instead of all that are not held out."""
    leave_out: tuple[str, ...] = ()
    """Names (or ends of paths) of images neither learned from nor measured on: their labels are known to be wrong."""
    split: Literal["random", "block"] = "random"
    """How frames are held out: ``random`` ones, or a ``block`` of neighbours, the last of each label file: frames next
    to each other in a video are nearly the same, and flatter a network that has seen their neighbours."""
    gap: Annotated[int, Field(ge=0)] = 0
    """With ``split = "block"``: labelled frames left out altogether on either side of the block."""
    folds: Annotated[int, Field(ge=0)] = 0
    """Hold out one of this many equal parts, instead of the fraction ``validation``; 0: no parts."""
    fold: Annotated[int, Field(ge=1)] = 1
    """Which of the ``folds`` is held out, from 1."""
    seed: int = 0
    """Seed of the random split."""

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> DataSettings:
        if self.folds == 1 or self.fold > max(1, self.folds):
            raise ValueError(f"fold: {self.fold} of {self.folds} folds; expected at least 2 folds, and one of them")
        return self

    description: str = ""
    """What the data is, for the model's card; default: the label files."""
    licence: str = "not stated"
    """Licence of the data, for the model's card."""


class PhantomSettings(Part):
    """Drawn animals instead of labelled images."""

    width: Annotated[int, Field(ge=32)] = 640
    """Width of a scene in pixels."""
    height: Annotated[int, Field(ge=32)] = 480
    """Height of a scene in pixels."""
    frames: Annotated[int, Field(gt=0)] = 3000
    """How many frames are drawn and kept in memory for training."""
    frames_per_seed: Annotated[int, Field(gt=0)] = 3
    """How many frames are taken of one seed (one look, one course) before the next is drawn."""
    first_seed: int = 1_000_000
    """Seeds of the training scenes count up from here; those of held-out scenes from a million above."""
    crowded: Share = 0.0
    """Share of the frames to learn from for which several moments are tried, and that is taken at which animals lie
    nearest to each other: by chance they seldom touch."""
    validation_frames: Annotated[int, Field(ge=0)] = 200
    """How many frames of unseen seeds measure the error."""


class NetworkSettings(Part):
    """The network's shape and how frames reach it."""

    alpha: float = 0.35
    """Width multiplier of MobileNetV2: 0.35, 0.5, 0.75, 1.0, 1.3 or 1.4."""
    weights: str = "imagenet"
    """Where the network starts: ``imagenet`` (the backbone; Keras' own download), ``none``, a weight file of the
    backbone or a folder of them, an earlier run's folder, a model of the zoo by name, or a model file (ONNX) of
    Posewire's. Paths are found like label files. Heads of keypoints of the same name come along."""
    stride: Literal[4, 8, 16] = 8
    """Pixels of network input per heatmap cell."""
    channels: Annotated[int, Field(gt=0)] = 64
    """Width of the head."""
    mixes: Annotated[int, Field(ge=0)] = 2
    """Residual blocks of the head at its finest features."""
    paf_stride: Literal[4, 8, 16] = 8
    """Pixels of network input per cell of the part affinity fields (several animals); not below ``stride``."""
    scale: Annotated[float, Field(gt=0, le=8)] = 1.0
    """Frames are resized by this factor before the network, in training and at run time."""
    color: Literal["bgr", "rgb", "gray"] = "bgr"
    """Channel order of the network's input."""
    min_score: Share = 0.3
    """Default score below which the runtime publishes a keypoint as absent."""
    decoding: dict[str, bool | int | float | str | list[float] | None] = {}
    """How the runtime makes animals of the maps (several animals), where that differs from what export chooses: keys of
    the rig's table ``[decoding]``, e.g. ``min_link``."""

    @model_validator(mode="after")
    def _fields_are_coarser(self) -> NetworkSettings:
        if "paf_stride" not in self.model_fields_set and self.stride > self.paf_stride:
            object.__setattr__(self, "paf_stride", self.stride)
        if self.paf_stride < self.stride:
            raise ValueError(f"paf_stride: {self.paf_stride}; expected at least the stride, {self.stride}")
        return self

    @field_validator("decoding")
    @classmethod
    def _rules_are_known(cls, decoding: dict[str, Any]) -> dict[str, Any]:
        # How many edges there will be is not known here; only `longest_px` depends on it.
        edges = len(decoding.get("longest_px") or ())
        if problems := decoding_problems(decoding, edges):
            raise ValueError("; ".join(problems))
        return decoding

    @field_validator("alpha")
    @classmethod
    def _alpha_has_weights(cls, alpha: float) -> float:
        if alpha not in ALPHAS:
            raise ValueError(f"{alpha}; expected one of {', '.join(map(str, ALPHAS))}")
        return alpha


class TargetSettings(Part):
    """What the network is asked to put out, and how errors are weighed."""

    sigma_cells: Annotated[float, Field(gt=0)] = 1.0
    """Standard deviation of a keypoint's Gaussian on the heatmap, in cells."""
    radius_cells: Annotated[float, Field(ge=0.75)] = 1.25
    """Cells whose centre is no farther than this from the keypoint learn its offset."""
    empty: Literal["absent", "unknown"] = "absent"
    """An empty label cell means that the keypoint is not there (its heatmap is zero), or that nobody looked."""
    peak_weight: Annotated[float, Field(ge=0)] = 20.0
    """Extra weight of heatmap cells in proportion to their target: peaks are few, background is plenty."""
    offset_weight: Annotated[float, Field(ge=0)] = 2.0
    """Weight of the offset loss (in strides) beside the heatmap loss."""
    paf_width_cells: Annotated[float, Field(ge=0.75)] = 1.0
    """Cells whose centre is no farther than this from a limb carry its direction (several animals)."""
    paf_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the part affinity fields beside the heatmap loss."""


class AugmentSettings(Part):
    """How far training images are changed. Geometry is one affine on image and keypoints together."""

    calm_share: Share = 0.25
    """Share of views whose geometry stays near the recorded one."""
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 180.0
    """Largest rotation either way."""
    scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.75, 1.35)
    """Smallest and largest zoom."""
    shear: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Largest shear either way (tangent)."""
    flip: Share = 0.5
    """Share of mirrored views; symmetric keypoints swap."""
    light: Annotated[float, Field(ge=0)] = 40.0
    """Largest shift of brightness in grey values."""
    contrast: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.6, 1.5)
    """Smallest and largest gain about the middle grey."""
    gamma: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.6, 1.6)
    """Smallest and largest exponent."""
    shading: Share = 0.3
    """Share of views with uneven light: a smooth random field of gain."""
    tint: Share = 0.1
    """Share of views whose color channels are changed apart from each other."""
    blur: Share = 0.25
    """Share of views out of focus or blurred by motion."""
    noise: Annotated[float, Field(ge=0)] = 10.0
    """Largest standard deviation of the noise in grey values."""
    compression: Share = 0.25
    """Share of views that go through a coarse JPEG, as frames of compressed videos have."""
    occlusion: Share = 0.25
    """Share of views with grey rectangles laid over; hidden keypoints stay labelled."""
    paste: Share = 0.3
    """Share of views of several animals into which one more is pasted, cut from another frame."""

    @model_validator(mode="after")
    def _ranges_rise(self) -> AugmentSettings:
        for name in ("scale", "contrast", "gamma"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: [{low}, {high}] must rise from the smallest to the largest")
        return self


class ScheduleSettings(Part):
    """How long and how fast to learn."""

    steps: Annotated[int, Field(gt=0)] = 6000
    """Number of batches."""
    batch: Annotated[int, Field(gt=0)] = 8
    """Views per batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Peak of the cosine schedule."""
    warmup: Annotated[int, Field(ge=0)] = 200
    """Steps over which the learning rate rises to its peak."""
    freeze: Annotated[int, Field(ge=0)] = 0
    """First steps in which the backbone stays as it started and the heads alone learn."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after this many measurements without a smaller held-out error, and keep the best weights; 0: never."""
    precision: Literal["auto", "float32", "mixed"] = "auto"
    """Numbers of the training: ``mixed`` computes in half floats where that is safe; ``auto`` does so on GPUs."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    """Decay of AdamW."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.998
    """Memory of the running mean of the weights, which is what is measured and exported; 0 switches it off."""
    size: Size | None = None
    """Width and height of whole views in network pixels; default: the largest image, scaled and padded."""
    crop: Size | None = None
    """Width and height of close views round the animal (cheaper steps); default: none."""
    crop_share: Share = 0.5
    """Share of batches that are close views, where ``crop`` is given."""
    validate_every: Annotated[int, Field(gt=0)] = 500
    """Steps between measurements of the error on held-out frames."""
    checkpoint_every: Annotated[int, Field(gt=0)] = 500
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of the start weights and of all views: step n of a seed always draws the same views."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> ScheduleSettings:
        for name in ("size", "crop"):
            size = getattr(self, name)
            if size and any(side % PAD_MULTIPLE for side in size):
                raise ValueError(f"{name}: {list(size)}: both sides must be multiples of {PAD_MULTIPLE}")
        return self
