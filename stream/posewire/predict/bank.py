"""The predictors that compete, and what they may assume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

KINDS = ("hold", "velocity", "acceleration", "one-euro")  # their places are their codes in `posewire.predict.filters`


@dataclass(frozen=True)
class Member:
    """One predictor. ``kind``: of `KINDS`; ``hold`` gives the last place that was measured.

    ``averages_s``, of ``velocity`` and ``acceleration``: over how long the Kalman filter averages, where a measurement
    has the usual noise and the usual time since the last. It sets the density of the process noise, so that animals may
    be of any size. ``wander``, of ``velocity``: how far the measurement's error wanders from frame to frame, as the
    variance of that walk in one usual step over that of the noise: a network is off in the same way for many frames,
    and a filter that took all of it for noise would give up what the last place says. ``lasts_s``, of ``velocity``: the
    speed dies away with this time constant (0: it lasts).

    Of ``one-euro``: the place is low-passed at ``least_hz`` + ``per_noise`` x speed (in noises a second), the speed at
    ``speed_hz``.
    """

    kind: str
    averages_s: float = 0.0
    wander: float = 0.0
    lasts_s: float = 0.0
    least_hz: float = 0.0
    per_noise: float = 0.0
    speed_hz: float = 0.0

    def __post_init__(self) -> None:
        positive = {"velocity": ("averages_s",), "acceleration": ("averages_s",), "one-euro": ("least_hz", "speed_hz")}
        if self.kind not in KINDS:
            raise ValueError(f"a predictor's kind is one of {', '.join(KINDS)}, not {self.kind}")
        for field in fields(self)[1:]:
            value, above = getattr(self, field.name), field.name in positive.get(self.kind, ())
            if not (math.isfinite(value) and (value > 0.0 if above else value >= 0.0)):
                expected = "a number above 0" if above else "0 or more"
                raise ValueError(f"{self.kind}: {field.name} is {value}: expected {expected}")

    @property
    def name(self) -> str:
        """For people and reports, e.g. ``velocity 40 ms``."""
        if self.kind == "one-euro":
            return f"one-euro {self.least_hz:g} Hz"
        if self.kind == "hold":
            return "hold"
        lasts = f" for {self.lasts_s * 1e3:g} ms" if self.lasts_s else ""
        return f"{self.kind} {self.averages_s * 1e3:g} ms{lasts}"


# Chosen on drawn scenes and on the first half of a video that are not those of docs/prediction.md's figures.
BANK = (
    Member("hold"),
    Member("velocity", averages_s=0.02),
    Member("velocity", averages_s=0.045),
    Member("velocity", averages_s=0.11),
    Member("velocity", averages_s=0.02, wander=16.0, lasts_s=0.08),
    Member("velocity", averages_s=0.02, wander=4.0, lasts_s=0.15),
    Member("velocity", averages_s=0.04, wander=16.0, lasts_s=0.4),
    Member("acceleration", averages_s=0.03),
    Member("acceleration", averages_s=0.06),
    Member("one-euro", least_hz=3.0, per_noise=0.1, speed_hz=4.0),
    Member("one-euro", least_hz=10.0, per_noise=0.3, speed_hz=8.0),
)


@dataclass(frozen=True)
class PredictRules:
    """Settings of a `posewire.predict.Predictor`.

    ``coast_s``: how long a keypoint is still predicted that is not found any more; ``restart_s``: after so long out of
    sight its filters begin anew. ``memory_s``: time constant of the errors by which each keypoint's predictor is
    chosen; ``recent_s``: of those that are told as the errors of late. ``least_scored``: predictions that must have met
    their measurement before anything but the last pose is given. ``loyalty``: another predictor takes over when
    its error is below this share of the error of the one in use.
    """

    coast_s: float = 0.1
    restart_s: float = 0.25
    memory_s: float = 2.0
    recent_s: float = 5.0
    least_scored: float = 10.0
    loyalty: float = 0.98

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0.0):
                raise ValueError(f"{field.name} is {value}: expected a number above 0")


class Rules(NamedTuple):
    """`PredictRules` for kernels."""

    coast_s: float
    restart_s: float
    memory_s: float
    recent_s: float
    least_scored: float
    loyalty: float


def as_numbers(rules: PredictRules) -> npt.NDArray[np.float64]:
    """``rules`` in the order of `Rules`, float64 [6]."""
    return np.array([getattr(rules, name) for name in Rules._fields])


def as_table(bank: Sequence[Member]) -> npt.NDArray[np.float64]:
    """``bank`` as rows of the kind's code and a member's numbers in their order: float64 [M, 7].

    Raises ValueError unless the first member, and only that, is ``hold``.
    """
    if not bank or [member.kind == "hold" for member in bank] != [True] + [False] * (len(bank) - 1):
        raise ValueError("a bank begins with hold, and has it once")
    numbers = [field.name for field in fields(Member)[1:]]
    return np.array([[KINDS.index(member.kind), *(getattr(member, name) for name in numbers)] for member in bank])
