"""Ways to see the animals of a frame: the whole of it at once, or a crop about each animal that is followed.

A look owns a network of fixed shape, the buffers before and behind it, and leaves ``poses``. Its three steps are
stages of the pipeline: `prepare`, `run`, `decode`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire.compute import Compute
from posewire.decode import Decoder, map_decoder
from posewire.decode.merge import keep_whole, merge
from posewire.decode.several import Placement
from posewire.frame import Floats, Image
from posewire.preprocess import Crop, Geometry, Preparation, plan
from posewire.session import Model, open_network
from posewire_models.decoding import Decoding


@dataclass(frozen=True)
class Settings:
    """What all looks of a pipeline share: model, provider, threads (0: chosen), least score, rules of several
    animals; how networks are computed, if more is to be said of it than provider and threads.
    """

    model: Model
    provider: str
    threads: int
    min_score: float
    rules: Decoding
    compute: Compute | None = None


class FullLook:
    """The whole frame, or one rectangle of it: ``width`` x ``height`` px frames, of which ``crop`` is looked at.

    ``poses`` float32 [A, K, 3] is what is published; ``peaks`` the same for several animals, and for one the best peak
    of each keypoint whatever its score; ``loose`` and ``bonds`` are those of `MapDecoder`, None for one animal. All are
    overwritten by the next `decode`.
    """

    def __init__(self, settings: Settings, width: int, height: int, crop: Crop | None) -> None:
        contract = settings.model.contract
        self.geometry: Geometry = plan(contract, width, height, crop)
        self.network = open_network(
            settings.model,
            *self.geometry.padded,
            settings.provider,
            settings.threads,
            compute=settings.compute,
            seen=self.geometry.resized,
        )
        self._preparation = Preparation(contract, self.geometry, self.network.frames)
        self._corner: tuple[int, int] | None = None
        if self.network.pafs is None:
            self._one = Decoder(contract, self.geometry, settings.min_score)
        else:
            self._several = map_decoder(contract, self.geometry, settings.rules, settings.min_score)
        self.decode()

    def move(self, corner: tuple[int, int]) -> None:
        """The crop now begins at this pixel (left, top) of the frame. For one animal."""
        self._corner = corner
        self._one.move(*corner)

    @property
    def box(self) -> Crop | None:
        """The part of the frame that is looked at; None for all of it."""
        crop = self.geometry.crop
        if (crop.width, crop.height) == self.geometry.frame:
            return None
        return crop if self._corner is None else Crop(*self._corner, crop.width, crop.height)

    def prepare(self, image: Image) -> None:
        """Crop, resize and colour a frame into the network's input."""
        self._preparation.into(image, self._corner)

    def run(self) -> None:
        """The network."""
        self.network.run()

    def decode(self) -> None:
        """The network's maps -> ``poses`` and ``peaks``."""
        network = self.network
        if network.pafs is None:
            if network.peaks is None:
                self._one.decode(network.heatmaps, network.offsets)
            else:
                self._one.place(network.peaks)
            self.poses: Floats = self._one.poses
            self.peaks: Floats = self._one.peaks
            self.loose: Floats | None = None
            self.bonds: Floats | None = None
        else:
            self.poses = self._several.decode(network.heatmaps[0], network.offsets[0], network.pafs[0])
            self.peaks = self.poses
            self.loose, self.bonds = self._several.loose, self._several.bonds


class CropLook:
    """A crop of ``side`` x ``side`` px about each of up to ``most`` animals, all in one batch of the network.

    Networks for 1, 2, 4, ... crops are made and warmed here, and the smallest that holds all crops runs. `aim` places
    the crops; an animal that several crops show is kept once, from where most of it was seen.
    """

    loose: Floats | None = None
    bonds: Floats | None = None
    """Nobody knows: animals next to each other are seen by different crops."""

    def __init__(self, settings: Settings, width: int, height: int, side: int, most: int) -> None:
        contract = settings.model.contract
        self.most = most
        self._frame = width, height
        self._crop = Crop(0, 0, min(side, width), min(side, height))
        geometry = plan(contract, width, height, self._crop)
        sizes = [1]
        while sizes[-1] < most:
            sizes.append(min(2 * sizes[-1], most))
        self._networks = [
            open_network(
                settings.model,
                *geometry.padded,
                settings.provider,
                settings.threads,
                size,
                compute=settings.compute,
            )
            for size in sizes
        ]
        self._preparations = [
            [Preparation(contract, geometry, network.frames[n : n + 1]) for n in range(len(network.frames))]
            for network in self._networks
        ]
        self._decoder = map_decoder(contract, geometry, settings.rules, settings.min_score)
        room = most * 4
        self._seen: Floats = np.zeros((room, len(contract.keypoints), 3), np.float32)
        self._room: Floats = np.zeros_like(self._seen)
        self._order = np.zeros((2, room), np.int64)
        self._sums = np.zeros(room, np.float64)
        self._near_px = 2.0 * contract.stride / min(geometry.scale)
        self._corners = np.zeros((most, 2), np.int64)
        self._count = 1
        self._chosen = 0
        self.decode()

    @property
    def crops(self) -> npt.NDArray[np.int64]:
        """Left and top of the crops of the last `aim`, int64 [n, 2] in px of the frame."""
        return self._corners[: self._count]

    def aim(self, centres: npt.NDArray[np.float64]) -> None:
        """Place a crop about each of ``centres`` float64 [n, 2] (px of the frame; 1 to ``most``), inside the frame."""
        self._count = len(centres)
        for axis, (size, length) in enumerate(zip(self._frame, (self._crop.width, self._crop.height), strict=True)):
            corners = np.rint(centres[:, axis] - 0.5 * (length - 1))
            self._corners[: self._count, axis] = np.clip(np.nan_to_num(corners), 0, size - length)
        self._chosen = next(n for n, network in enumerate(self._networks) if len(network.frames) >= self._count)

    def prepare(self, image: Image) -> None:
        """Crop, resize and colour the aimed parts of a frame into the network's input."""
        for n in range(self._count):
            self._preparations[self._chosen][n].into(image, self._corners[n])

    def run(self) -> None:
        """The network, for all crops at once."""
        self._networks[self._chosen].run()

    def decode(self) -> None:
        """The network's maps -> ``poses`` and ``peaks``: float32 [A, K, 3], overwritten by the next call."""
        network = self._networks[self._chosen]
        assert network.pafs is not None  # crops are for models of several animals
        seen = 0
        place = self._decoder.placement
        for n in range(self._count):
            left, top = self._corners[n]
            self._decoder.placement = Placement(place.scale, float(left), float(top))
            found = self._decoder.decode(network.heatmaps[n], network.offsets[n], network.pafs[n])
            right, bottom = left + self._crop.width - 1, top + self._crop.height - 1
            seen = keep_whole(found, left, top, right, bottom, *self._frame, self._near_px, self._seen, seen)
        kept = merge(self._seen, seen, self._near_px, self._sums, *self._order, self._room)
        self.poses: Floats = self._room[:kept]
        self.peaks: Floats = self.poses
