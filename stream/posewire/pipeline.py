"""The recipe: one frame through all stages of the heart. No thread, no socket, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posewire.auto import AutoView
from posewire.clock import now_ns
from posewire.compute import Compute
from posewire.follow import WHOLE_EVERY, Follower
from posewire.frame import Floats, Image
from posewire.looks import CropLook, FullLook, Settings
from posewire.preprocess import Crop, Geometry
from posewire.session import Model, Network
from posewire.track import CHANNELS, Colours, Tracker
from posewire.views import FollowView, View, WholeView
from posewire_models.decoding import Decoding

if TYPE_CHECKING:
    from posewire.predict import Predictor

_FRAME_NS = 33_333_333  # between two frames whose times nobody tells
_NOISE_STRIDES = 0.1  # what a place is usually off by, along an axis, from one frame to the next


@dataclass(slots=True)
class StepStamps:
    """When each stage of one frame ended, in ns of the session's clock; ``tracked`` is None for one animal that is not
    predicted."""

    prepared: int = 0
    inferred: int = 0
    decoded: int = 0
    tracked: int | None = None


class Pipeline:
    """Frames in, poses out, on buffers made once per frame size.

    ``Pipeline(load_model("mouse-topview"))(image)`` returns float32 [A, K, 3] = x, y (full-frame pixels), score; below
    ``min_score`` (default: the model's own) x and y are NaN. The array is overwritten by the next call. A is 1 for a
    model of one animal. For a model of several it is the number found, and `ids` and `id_scores` tell who is who.

    ``crop``: the part of the frame that is looked at. ``follow``: a crop about the animal, or about each one of a model
    of several, of ``follow_px`` px (0: chosen by what was found; of several animals half of the frame's shorter side);
    the whole frame is looked at every ``follow_every`` frames, and when in doubt. ``budget_ms`` (one animal): crop,
    scale and model variant are chosen, and changed, so that a frame is through in that time (see `posewire.auto`).
    ``animals``: how many there are, if it is known; no more are found. ``appearance``: whether animals are also known
    by their colours. ``rules``: how maps become animals (default: the model's own). ``lead_ms``: `predicted` tells
    where keypoints will be so long after they have become known (see `posewire.predict`). ``provider`` and ``threads``
    as in `posewire.session.open_network`; a ``compute`` replaces both. Frames of another size than the last are met by
    building the network for that size, which takes as long as a start. Raises InputError if the crop leaves the frame
    or the provider cannot run.
    """

    def __init__(
        self,
        model: Model,
        *,
        crop: Crop | None = None,
        follow: bool = False,
        follow_px: int = 0,
        follow_every: int = WHOLE_EVERY,
        budget_ms: float | None = None,
        provider: str = "auto",
        threads: int = 0,
        min_score: float | None = None,
        animals: int | None = None,
        appearance: bool = True,
        rules: Decoding | None = None,
        lead_ms: float | None = None,
        compute: Compute | None = None,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.model = model
        self.min_score = model.contract.min_score if min_score is None else min_score
        self.crop = crop
        self.several = model.contract.animals == "many"
        self.geometry: Geometry | None = None
        rules = rules or model.contract.rules
        if animals is not None:
            rules = replace(rules, max_animals=animals)
        self._settings = Settings(model, provider, threads, self.min_score, rules, compute)
        self._clock = clock
        self._tracker: Tracker | None = None
        self._colours: Colours | None = None
        if self.several:
            skeleton = model.contract.skeleton
            self._colours = Colours(skeleton) if appearance and skeleton else None
            features = 0 if self._colours is None else CHANNELS
            self._tracker = Tracker(len(model.contract.keypoints), skeleton, animals=animals, features=features)
        self._follower = Follower(animals, follow_px, follow_every) if follow and self.several else None
        self._follow = follow, follow_px, follow_every
        self._budget_ms = budget_ms
        self.predictor = None if lead_ms is None else self._open_predictor(animals)
        self._lead_ns = 0 if lead_ms is None else round(lead_ms * 1e6)
        self.lead_ns = self._lead_ns  # from when the last frame was taken to when `predicted` will be
        self._view: View | None = None
        self._time_ns = 0

    def _open_predictor(self, animals: int | None) -> Predictor:
        from posewire.predict import Predictor  # kernels that nobody else needs

        contract = self.model.contract
        # A card of several animals also counts animals that were missed or taken for one another.
        error = None if self.several else contract.error_px.get("value")
        return Predictor(
            len(contract.keypoints),
            noise_px=_NOISE_STRIDES * contract.stride / contract.scale,
            slots=(animals or 32) if self.several else 1,
            network_px=float(error) if isinstance(error, (int, float)) else None,
        )

    def fit(self, width: int, height: int) -> None:
        """Make the network and all buffers for frames of this size, and run every stage once to warm it up."""
        self._crops: CropLook | None = None
        if self.several:
            self._full = FullLook(self._settings, width, height, self.crop)
            if self._follower is not None:
                self._crops = self._follower.look(self._settings, width, height)
        else:
            self._view = self._open_view(width, height)
            self._full = self._view.whole
        self._look: FullLook | CropLook = self._full
        self.geometry = self._full.geometry

    def _open_view(self, width: int, height: int) -> View:
        follow, side_px, every = self._follow
        if self._budget_ms is not None:
            return AutoView(self._settings, width, height, self._budget_ms, every, self._clock)
        if follow:
            return FollowView(self._settings, width, height, every, side_px)
        return WholeView(self._settings, width, height, self.crop)

    @property
    def view(self) -> View | None:
        """What looks at the one animal; None for a model of several, and before `fit`."""
        return self._view

    @property
    def box(self) -> Crop | None:
        """The part of the last frame that made its poses; None for all of it, and for crops about several animals."""
        return self._look.box if isinstance(self._look, FullLook) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """One-line remarks on where is looked, and on how the network is computed."""
        chosen = tuple(self._view.notes) if isinstance(self._view, (AutoView, FollowView)) else ()
        return chosen + self.network.notes

    @property
    def model_now(self) -> Model:
        """The model that made the last poses: `model`, or a variant of it that a budget chose."""
        return self.model if self._view is None else self._view.model

    @property
    def network(self) -> Network:
        """The network for whole frames."""
        return self._full.network

    @property
    def peaks(self) -> Floats:
        """Of one animal the best peak of every keypoint of the last frame, whatever its score; of several its poses."""
        return self._look.peaks

    @property
    def poses(self) -> Floats:
        """What is published of the last frame: float32 [A, K, 3], NaN below ``min_score``."""
        return self._look.poses

    @property
    def ids(self) -> npt.NDArray[np.int64] | None:
        """Who each of ``poses`` is, int64 [A], -1 for unknown; None for a model of one animal."""
        return None if self._tracker is None else self._tracker.ids

    @property
    def id_scores(self) -> Floats | None:
        """How likely it is for each of ``poses`` that no swap has just happened, float32 [A]; None for one animal."""
        return None if self._tracker is None else self._tracker.id_scores

    @property
    def predicted(self) -> Floats | None:
        """Where `poses` will be `lead_ns` after the frame was taken, float32 [A, K, 3]; None without ``lead_ms``."""
        return None if self.predictor is None else self.predictor.predicted

    def step(
        self,
        image: Image,
        stamps: StepStamps,
        on_prepared: Callable[[], None] | None = None,
        time_ns: int | None = None,
        taken_ns: int | None = None,
    ) -> None:
        """One frame of the fitted size (uint8 [H, W, 3] BGR or [H, W] gray) through all stages, stamped.

        ``on_prepared`` is called when the frame stands in the network's input, just before the network runs.
        ``time_ns``: when the frame was taken, for telling animals apart and predicting; without it 33 ms after
        the last.
        ``taken_ns``: the same on the pipeline's own clock; what is predicted is then as much later as the pose is old.
        """
        self._time_ns = self._time_ns + _FRAME_NS if time_ns is None else time_ns
        self._look = self._choose()
        look = self._look
        look.prepare(image)
        stamps.prepared = self._clock()
        if on_prepared is not None:
            on_prepared()
        look.run()
        stamps.inferred = self._clock()
        look.decode()
        if self._view is not None:
            self._look_again(image, stamps)
        stamps.decoded = self._clock()
        if self._tracker is not None:
            seen = None if self._colours is None else self._colours.read(image, look.poses)
            self._tracker.step(look.poses, self._time_ns, seen, look.bonds, look.loose)
            stamps.tracked = self._clock()
            if self._crops is not None and self._follower is not None:
                self._follower.saw(look.poses, self._tracker.ids, self._time_ns)
        if self.predictor is not None:
            known = stamps.decoded if stamps.tracked is None or self._tracker is None else stamps.tracked
            self.lead_ns = self._lead_ns + (0 if taken_ns is None else max(0, known - taken_ns))
            self.predictor.step(self._look.poses, self.ids, self._time_ns, self._time_ns + self.lead_ns)
            stamps.tracked = self._clock()

    def _look_again(self, image: Image, stamps: StepStamps) -> None:
        """Where a crop's answer is doubtful the whole frame's counts; all until then was the network's time."""
        assert self._view is not None
        assert isinstance(self._look, FullLook)
        second = self._view.saw(self._look, self._time_ns)
        if second is not None:
            second.prepare(image)
            second.run()
            stamps.inferred = self._clock()
            second.decode()
            self._look = second
            self._view.saw(second, self._time_ns)

    def _choose(self) -> FullLook | CropLook:
        """The crops about the animals that are followed, if there are any and it is not time for the whole frame."""
        if self._view is not None:
            return self._view.aim(self._time_ns)
        if self._crops is None or self._follower is None or not self._follower.aim(self._crops, self._time_ns):
            return self._full
        return self._crops

    def forget(self) -> None:
        """Forget who is who, and where: the next frame has nothing to do with the last."""
        if self._tracker is not None:
            self._tracker.reset()
        if self._view is not None:
            self._view.forget()
        if self.predictor is not None:
            self.predictor.forget()

    def fits(self, image: Image) -> bool:
        """Whether the buffers are made for frames of this image's size."""
        return self.geometry is not None and self.geometry.frame == (image.shape[1], image.shape[0])

    def __call__(self, image: Image) -> Floats:
        if not self.fits(image):
            self.fit(image.shape[1], image.shape[0])
        self.step(image, StepStamps())
        return self.poses
