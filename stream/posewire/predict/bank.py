"""The predictors that compete, and what they may assume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.predict.filters import ACCELERATION, HOLD, ONE_EURO, VELOCITY

KINDS = ("hold", "velocity", "acceleration", "one-euro")


class Member(NamedTuple):
    """One predictor. ``kind``: of `KINDS`.

    Of ``velocity`` and ``acceleration``, ``first`` is the time constant in s: over how long the filter averages. It
    sets the density of the process noise, so that neither depends on the size of animals. Of ``one-euro``, ``first`` is
    the least cutoff (Hz), ``second`` by how much it rises (Hz) when the speed does by one measurement noise a
    second, ``third`` the cutoff of the speed (Hz). ``hold`` has none.
    """

    kind: str
    first: float = 0.0
    second: float = 0.0
    third: float = 0.0

    @property
    def name(self) -> str:
        """For people and reports, e.g. ``velocity 40 ms``."""
        if self.kind == "hold":
            return "hold"
        if self.kind == "one-euro":
            return f"one-euro {self.first:g} Hz, speed {self.third:g} Hz"
        return f"{self.kind} {self.first * 1e3:g} ms"


BANK = (
    Member("hold"),
    *(Member("velocity", seconds) for seconds in (0.01, 0.02, 0.03, 0.045, 0.07, 0.11)),
    *(Member("acceleration", seconds) for seconds in (0.02, 0.04, 0.08)),
    *(Member("one-euro", 2.0, 0.02, hertz) for hertz in (3.0, 8.0)),
)


@dataclass(frozen=True)
class PredictRules:
    """Settings of a `posewire.predict.Predictor`.

    ``coast_s``: how long a keypoint is still predicted that is not found any more; ``restart_s``: after so long out of
    sight it begins anew. ``memory_s``: time constant of the error by which each keypoint's predictor is chosen;
    ``recent_s``: of the error that is told as that of late. ``least_scored``: predictions that must have met their
    measurement before anything but the last pose is given. ``loyalty``: another predictor takes over when its error is
    below this share of that in use. ``shared``: weight of the error over all keypoints of the animal beside that of
    the keypoint itself.
    """

    coast_s: float = 0.1
    restart_s: float = 0.25
    memory_s: float = 2.0
    recent_s: float = 5.0
    least_scored: float = 10.0
    loyalty: float = 0.98
    shared: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and (value > 0.0 or field.name in ("coast_s", "shared") and value == 0.0)):
                raise ValueError(f"{field.name} is {value}: expected a number above 0")


RULES = np.dtype([(field.name, np.float64) for field in fields(PredictRules)])


def as_record(rules: PredictRules) -> npt.NDArray[np.void]:
    """``rules`` as an array of one record, for kernels."""
    return np.array([tuple(float(getattr(rules, name)) for name in RULES.names or ())], RULES)


def as_table(bank: Sequence[Member]) -> npt.NDArray[np.float64]:
    """``bank`` as rows of kind (of `posewire.predict.filters`), first, second, third: float64 [M, 4].

    Raises ValueError unless the first member, and only that, is ``hold``.
    """
    codes = {"hold": HOLD, "velocity": VELOCITY, "acceleration": ACCELERATION, "one-euro": ONE_EURO}
    if not bank or [member.kind == "hold" for member in bank] != [True] + [False] * (len(bank) - 1):
        raise ValueError("a bank begins with hold, and has it once")
    return np.array([(codes[member.kind], member.first, member.second, member.third) for member in bank], np.float64)
