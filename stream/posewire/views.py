"""What a pipeline of one animal looks with: the whole frame always, or crops that follow the animal.

A view owns its looks. For each frame the pipeline asks `aim` for a look, works through it, and tells `saw` what came
out; where that names a second look, the same frame is looked at once more, and the second answer counts.
"""

from __future__ import annotations

from typing import Any, Protocol

from posewire.follow_one import WHOLE, OneFollower, crop_shapes
from posewire.looks import FullLook, Settings
from posewire.preprocess import Crop
from posewire.session import Model


class View(Protocol):
    """See the module's docstring. ``whole`` is the look at all of the frame, ``model`` what made the last poses;
    ``figures`` are for the report of a run."""

    whole: FullLook

    @property
    def model(self) -> Model: ...

    def aim(self, time_ns: int) -> FullLook: ...

    def saw(self, look: FullLook, time_ns: int) -> FullLook | None: ...

    def forget(self) -> None: ...

    def figures(self) -> dict[str, Any] | None: ...


class WholeView:
    """The same part of every frame: all of it, or ``crop``."""

    def __init__(self, settings: Settings, width: int, height: int, crop: Crop | None = None) -> None:
        self.model = settings.model
        self.whole = FullLook(settings, width, height, crop)

    def aim(self, time_ns: int) -> FullLook:
        return self.whole

    def saw(self, look: FullLook, time_ns: int) -> FullLook | None:
        return None

    def forget(self) -> None:
        """Nothing is remembered."""

    def figures(self) -> dict[str, Any] | None:
        """Nothing is to be told: every look was the same."""
        return None


class FollowView:
    """Crops about one animal, as `posewire.follow_one` places them; each shape has a network of its own.

    ``side_px``: side of the only shape (px of the frame); 0: a few shapes that fit network inputs. ``whole``: the look
    at the whole frame, if it is another network's. ``shapes`` is empty where crops would save nothing: then all looks
    are at the whole frame. ``crops`` counts the looks at crops, ``wholes`` those at the whole frame,
    ``doubts`` the frames in which a crop's answer was doubtful. ``notes`` are one-line remarks for the log.
    """

    def __init__(
        self,
        settings: Settings,
        width: int,
        height: int,
        every: int,
        side_px: int = 0,
        whole: FullLook | None = None,
    ) -> None:
        contract = settings.model.contract
        self.model = settings.model
        self.whole = whole or FullLook(settings, width, height, None)
        self.shapes = crop_shapes((width, height), contract.scale, contract.pad_multiple, side_px)
        self.notes: list[str] = []
        if not self.shapes:
            side = f"follow_px = {side_px}" if side_px else "a crop"
            self.notes.append(f"{side} saves nothing in frames of {width}x{height}: all of them are looked at whole")
        self._looks = [FullLook(settings, width, height, Crop(0, 0, *shape)) for shape in self.shapes]
        self._follower = OneFollower((width, height), self.shapes, contract.stride / contract.scale, every)
        self.crops = self.wholes = 0

    @property
    def doubts(self) -> int:
        return self._follower.doubts

    @property
    def largest(self) -> FullLook:
        """The slowest look at a crop; the whole look if there are no crops."""
        return self._looks[-1] if self._looks else self.whole

    def aim(self, time_ns: int) -> FullLook:
        shape = self._follower.aim(time_ns)
        if shape == WHOLE:
            self.wholes += 1
            return self.whole
        self.crops += 1
        look = self._looks[shape]
        look.move(self._follower.corner)
        return look

    def saw(self, look: FullLook, time_ns: int) -> FullLook | None:
        if not self._follower.saw(look.poses, time_ns):
            return None
        self.wholes += 1
        return self.whole

    def forget(self) -> None:
        self._follower.forget()

    def figures(self) -> dict[str, Any]:
        """How often each kind of look was taken; ``doubtful`` frames had both."""
        return {"whole": self.wholes, "crop": self.crops, "doubtful": self.doubts}
