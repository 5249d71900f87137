"""The recipe: one frame through all stages of the heart. No thread, no socket, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posewire.clock import now_ns
from posewire.decode import Decoder
from posewire.frame import Floats, Image
from posewire.preprocess import Crop, Geometry, Preparation, plan
from posewire.session import Model, Network, open_network


@dataclass(slots=True)
class StepStamps:
    """When each stage of one frame ended, in ns of the session's clock."""

    prepared: int = 0
    inferred: int = 0
    decoded: int = 0


class Pipeline:
    """Frames in, poses out, on buffers made once per frame size.

    ``Pipeline(load_model("mouse-topview"))(image)`` returns float32 [1, K, 3] = x, y (full-frame pixels), score; below
    ``min_score`` (default: the model's own) x and y are NaN. The array is overwritten by the next call.

    ``provider`` and ``threads`` as in `posewire.session.open_network`. Frames of another size than the last are
    met by building the network for that size, which takes as long as a start. Raises InputError if the crop
    leaves the frame or the provider cannot run.
    """

    def __init__(
        self,
        model: Model,
        *,
        crop: Crop | None = None,
        provider: str = "auto",
        threads: int = 0,
        min_score: float | None = None,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.model = model
        self.min_score = model.contract.min_score if min_score is None else min_score
        self.geometry: Geometry | None = None
        self.crop = crop
        self._provider = provider
        self._threads = threads
        self._clock = clock

    def fit(self, width: int, height: int) -> None:
        """Make the network and all buffers for frames of this size, and run every stage once to warm it up."""
        geometry = plan(self.model.contract, width, height, self.crop)
        self.network: Network = open_network(self.model, *geometry.padded, self._provider, self._threads)
        self._preparation = Preparation(self.model.contract, geometry, self.network.frames)
        self._decoder = Decoder(self.model.contract, geometry, self.min_score)
        self._decoder.decode(self.network.heatmaps, self.network.offsets)
        self.geometry = geometry

    @property
    def peaks(self) -> Floats:
        """Best peak of every keypoint of the last frame, whatever its score: float32 [1, K, 3]."""
        return self._decoder.peaks

    @property
    def poses(self) -> Floats:
        """What is published of the last frame: float32 [1, K, 3], NaN below ``min_score``."""
        return self._decoder.poses

    def step(self, image: Image, stamps: StepStamps, on_prepared: Callable[[], None] | None = None) -> None:
        """One frame of the fitted size (uint8 [H, W, 3] BGR or [H, W] gray) through all stages, stamped.

        ``on_prepared`` is called when the frame stands in the network's input, just before the network runs.
        """
        self._preparation.into(image)
        stamps.prepared = self._clock()
        if on_prepared is not None:
            on_prepared()
        self.network.run()
        stamps.inferred = self._clock()
        self._decoder.decode(self.network.heatmaps, self.network.offsets)
        stamps.decoded = self._clock()

    def fits(self, image: Image) -> bool:
        """Whether the buffers are made for frames of this image's size."""
        return self.geometry is not None and self.geometry.frame == (image.shape[1], image.shape[0])

    def __call__(self, image: Image) -> Floats:
        if not self.fits(image):
            self.fit(image.shape[1], image.shape[0])
        self.step(image, StepStamps())
        return self.poses
