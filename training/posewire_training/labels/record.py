"""What labels are, whatever file they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError, nearest
from posewire_training.images import ImageRef

Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Labels:
    """The labels of some pictures.

    ``points``: float32 ``[frames, animals, K, 2]``, x and y in pixels of the whole picture, NaN where nothing is
    labelled; an animal that is not there is NaN throughout. One animal is ``[frames, 1, K, 2]``.
    ``visible``: bool ``[frames, animals, K]``, False where a labelled keypoint is marked as hidden, and where nothing
    is labelled.
    ``individuals``: the name of each place of axis 1 where the file tells identities (the same animal stands at the
    same place in every frame), else empty. An empty name is a place without identity; a name that stands twice means
    that a frame names it twice.
    ``skeleton`` and ``symmetric``: pairs of keypoint names, where the file tells them.
    ``scores``: float32 ``[frames, animals, K]`` of predicted labels, NaN for those set by hand; None if all are by
    hand.
    """

    images: tuple[ImageRef, ...]
    keypoints: tuple[str, ...]
    points: Points
    visible: npt.NDArray[np.bool_]
    individuals: tuple[str, ...] = ()
    skeleton: tuple[tuple[str, str], ...] = ()
    symmetric: tuple[tuple[str, str], ...] = ()
    scores: Points | None = field(default=None)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def animals(self) -> int:
        """Places for animals in each frame."""
        return int(self.points.shape[1])

    def place_name(self, animal: int, keypoint: int | None = None) -> str:
        """An animal (and a keypoint) in words: ``animal mus1, keypoint snout``; the only animal is not named."""
        parts = []
        if self.individuals and self.individuals[animal]:
            parts.append(f"animal {self.individuals[animal]}")
        elif self.animals > 1:
            parts.append(f"animal {animal + 1}")
        if keypoint is not None:
            parts.append(f"keypoint {self.keypoints[keypoint]}")
        return ", ".join(parts)

    def pick(self, chosen: Iterable[int]) -> Labels:
        """The frames of these numbers, in this order."""
        order = list(chosen)
        return replace(
            self,
            images=tuple(self.images[i] for i in order),
            points=self.points[order],
            visible=self.visible[order],
            scores=None if self.scores is None else self.scores[order],
        )

    def choose(self, keypoints: Sequence[str], where: str) -> Labels:
        """These keypoints in this order. Raises InputError, naming ``where``, for one that is not labelled."""
        for name in keypoints:
            if name not in self.keypoints:
                raise InputError(
                    f"{where}: no keypoint {name!r}{nearest(name, self.keypoints)} "
                    f"(the file has {', '.join(self.keypoints)})"
                )
        order = [self.keypoints.index(name) for name in keypoints]

        def among(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            return tuple(pair for pair in pairs if set(pair) <= set(keypoints))

        return replace(
            self,
            keypoints=tuple(keypoints),
            points=np.ascontiguousarray(self.points[:, :, order]),
            visible=np.ascontiguousarray(self.visible[:, :, order]),
            skeleton=among(self.skeleton),
            symmetric=among(self.symmetric),
            scores=None if self.scores is None else np.ascontiguousarray(self.scores[:, :, order]),
        )


def labelled(points: Points) -> npt.NDArray[np.bool_]:
    """bool ``[..., K]``: which of ``points`` ``[..., K, 2]`` are labelled."""
    return np.asarray(~np.isnan(points).any(axis=-1))
