"""Some frames on their way through a network: the buffers they lie in, and the look that finds their poses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.decode import Decoder, map_decoder
from posewire.frame import Floats, Image
from posewire.looks import Settings
from posewire.preprocess import Crop, Preparation, plan
from posewire.session import open_network
from posewire.track import Colours


class Seen(NamedTuple):
    """What a frame of several animals shows, as `Tracker.step` wants it: ``poses`` float32 [A, K, 3], ``colours``,
    ``bonds`` and ``loose``.
    """

    poses: Floats
    colours: Floats | None
    bonds: Floats | None
    loose: Floats | None


@dataclass
class Batch:
    """Room for some frames, used over and over; the first ``count`` of them are filled.

    ``number`` counts batches of a video, ``times`` float64 [B] are the container's, in s. ``peaks`` float32 [B, K, 3]
    are what was found of one animal, ``seen`` of several.
    """

    images: Image
    times: npt.NDArray[np.float64]
    peaks: Floats
    number: int = 0
    count: int = 0
    seen: list[Seen] = field(default_factory=list)


def make_batch(size: int, width: int, height: int, keypoints: int) -> Batch:
    """Room for ``size`` frames of ``width`` x ``height`` px and ``keypoints`` keypoints."""
    return Batch(
        np.zeros((size, height, width, 3), np.uint8),
        np.zeros(size, np.float64),
        np.zeros((size, keypoints, 3), np.float32),
    )


class BatchLook:
    """A network for batches of frames of one size, with the buffers before and behind it; of one thread at a time.

    Does what `posewire.looks.FullLook` does of a single frame. Raises InputError as `open_network` does.
    """

    def __init__(self, settings: Settings, width: int, height: int, crop: Crop | None, batch: int) -> None:
        contract = settings.model.contract
        geometry = plan(contract, width, height, crop)
        self.network = open_network(
            settings.model,
            *geometry.padded,
            settings.provider,
            settings.threads,
            batch,
            compute=settings.compute,
            seen=geometry.resized,
        )
        frames = self.network.frames
        self._preparations = [Preparation(contract, geometry, frames[n : n + 1]) for n in range(batch)]
        self._colours: Colours | None = None
        if self.network.pafs is None:
            self._one = Decoder(contract, geometry, settings.min_score)
            self._decode_one(0)
        else:
            self._several = map_decoder(contract, geometry, settings.rules, settings.min_score)
            if contract.skeleton:
                self._colours = Colours(contract.skeleton)

    def work(self, batch: Batch) -> None:
        """Find the poses of all frames of a batch."""
        for n in range(batch.count):
            self._preparations[n].into(batch.images[n])
        # Room that is left shows the last frame again, so that a batch is the same whatever was there before.
        self.network.frames[batch.count :] = self.network.frames[batch.count - 1]
        self.network.run()
        batch.seen.clear()
        network = self.network
        for n in range(batch.count):
            if network.pafs is None:
                self._decode_one(n)
                batch.peaks[n] = self._one.peaks[0]
            else:
                several = self._several
                poses = several.decode(network.heatmaps[n], network.offsets[n], network.pafs[n])
                colours = None if self._colours is None else self._colours.read(batch.images[n], poses).copy()
                batch.seen.append(Seen(poses.copy(), colours, _copy(several.bonds), _copy(several.loose)))

    def _decode_one(self, n: int) -> None:
        network = self.network
        if network.peaks is None:
            self._one.decode(network.heatmaps[n : n + 1], network.offsets[n : n + 1])
        else:
            self._one.place(network.peaks[n : n + 1])


def _copy(array: Floats | None) -> Floats | None:
    return None if array is None else array.copy()
