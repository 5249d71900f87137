"""Crop, scale and model variant, chosen so that a frame of one animal is through in a given time.

A gear is one way to look: which variant of the model (as it is, or its 8-bit twin), the whole frame or crops that
follow the animal, and how much smaller than usual. Gears are tried from the most to the least exact on this
machine; the first that keeps the budget is taken, with up to two faster ones behind it. While the stream runs, a gear
that no longer keeps the budget (a busy neighbour) gives way to the next one, and comes back when it would keep it again
for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from posewire.looks import FullLook, Settings
from posewire.session import Model, load_model
from posewire.views import FollowView, View, WholeView
from posewire_models.errors import PosewireError

SCALES = (1.0, 0.8, 0.65, 0.5)  # of the model's own scale
_TRIALS = 24
_SHARE = 0.95  # of frames that shall keep the budget
_SPARE = 0.85  # of the budget that a look alone may take: decoding, packing and sending need some
_WINDOW = 100  # frames between two decisions
_PATIENCE = 5  # windows in which a slower gear must promise to keep the budget before it comes back
_BEHIND = 2


@dataclass(frozen=True)
class Gear:
    """One way to look. ``factor`` is that of the model's own scale; ``milliseconds`` what the slowest usual look took
    (its 95 % point) when it was tried."""

    view: View
    model: Model
    follow: bool
    factor: float
    milliseconds: float

    def __str__(self) -> str:
        where = "a crop that follows" if self.follow else "the whole frame"
        at = f" at {100 * self.factor:.0f} % of its scale" if self.factor != 1.0 else ""
        return f"{self.model.contract.name} on {where}{at}, {self.milliseconds:.1f} ms"


class AutoView:
    """Views in gears for a budget in ms; the public face of one `View`.

    ``notes`` are one-line remarks for the log: what was chosen, and whether the budget can be kept at all.
    """

    def __init__(
        self,
        settings: Settings,
        width: int,
        height: int,
        budget_ms: float,
        every: int,
        clock: Callable[[], int],
    ) -> None:
        self.notes: list[str] = []
        self._budget_ms = budget_ms
        self._clock = clock
        self._began_ns = 0
        self._taken_ms = np.zeros(_WINDOW)
        self._frames = 0
        self._all = self._over = 0
        self._promising = 0
        self._at = 0
        self.changes = 0
        self._gears = _choose(settings, width, height, budget_ms, every, clock)
        self.whole: FullLook = self._gears[0].view.whole
        first = self._gears[0]
        if first.milliseconds > _SPARE * budget_ms:
            self.notes.append(
                f"a budget of {budget_ms:g} ms cannot be kept here: the fastest way to look takes "
                f"{first.milliseconds:.1f} ms; give a larger one, or a smaller --crop"
            )
        self.notes.append(f"chosen for {budget_ms:g} ms: {first}")

    @property
    def gear(self) -> Gear:
        """The gear that is in."""
        return self._gears[self._at]

    @property
    def gears(self) -> tuple[Gear, ...]:
        """All gears, the most exact first."""
        return tuple(self._gears)

    @property
    def model(self) -> Model:
        """The variant of the gear that is in."""
        return self.gear.model

    def aim(self, time_ns: int) -> FullLook:
        self._began_ns = self._clock()
        return self.gear.view.aim(time_ns)

    def saw(self, look: FullLook, time_ns: int) -> FullLook | None:
        second = self.gear.view.saw(look, time_ns)
        if second is None:
            self._all += 1
            self._over += self._clock() - self._began_ns > self._budget_ms * 1e6
        # A look at the whole frame between crops is no measure of the gear.
        if second is None and not (self.gear.follow and look is self.gear.view.whole):
            self._taken_ms[self._frames % _WINDOW] = (self._clock() - self._began_ns) / 1e6
            self._frames += 1
            if self._frames % _WINDOW == 0:
                self._decide(float(np.quantile(self._taken_ms, _SHARE)))
        return second

    def forget(self) -> None:
        for gear in self._gears:
            gear.view.forget()

    def figures(self) -> dict[str, Any]:
        """The budget, the gears, the one that is in, how often it changed, and the share of frames whose looks took
        longer than the budget."""
        own = self.gear.view.figures()
        return {
            "budget_ms": self._budget_ms,
            "gears": [str(gear) for gear in self._gears],
            "gear": self._at,
            "changes": self.changes,
            "over_budget": self._over / max(self._all, 1),
            **(own or {}),
        }

    def _decide(self, taken_ms: float) -> None:
        if taken_ms > self._budget_ms * _SPARE and self._at + 1 < len(self._gears):
            self._shift(1)
        elif self._at > 0:
            # How much slower than in the trial the machine is now, the better gear would be as well.
            expected = self._gears[self._at - 1].milliseconds * taken_ms / self.gear.milliseconds
            self._promising = self._promising + 1 if expected <= 0.9 * _SPARE * self._budget_ms else 0
            if self._promising >= _PATIENCE:
                self._shift(-1)

    def _shift(self, by: int) -> None:
        self._at += by
        self._promising = 0
        self.changes += 1
        self.gear.view.forget()  # where it saw the animal last is long ago


def _choose(
    settings: Settings, width: int, height: int, budget_ms: float, every: int, clock: Callable[[], int]
) -> list[Gear]:
    kept: list[Gear] = []
    fastest: Gear | None = None
    for gear in _candidates(settings, width, height, budget_ms, every, clock):
        if fastest is None or gear.milliseconds < fastest.milliseconds:
            fastest = gear
        if kept:
            if gear.milliseconds < 0.8 * kept[-1].milliseconds:
                kept.append(gear)
        elif gear.milliseconds <= _SPARE * budget_ms:
            kept.append(gear)
        if len(kept) > _BEHIND:
            break
    assert fastest is not None  # there is always the model as it is
    return kept or [fastest]


def _candidates(
    settings: Settings, width: int, height: int, budget_ms: float, every: int, clock: Callable[[], int]
) -> Iterator[Gear]:
    """Gears from the most exact on, each measured."""
    variants = [settings.model, *_twin(settings.model)]
    wholes: list[tuple[float, Settings, FullLook]] = []
    for model in variants:
        whole = WholeView(replace(settings, model=model), width, height)
        taken = _taken_ms(whole.whole, clock)
        wholes.append((taken, replace(settings, model=model), whole.whole))
        yield Gear(whole, model, False, 1.0, taken)
    search = _search(wholes, width, height, budget_ms, clock)
    for factor in SCALES[:-1]:
        for model in variants if factor == 1.0 else variants[-1:]:
            view = FollowView(_scaled(replace(settings, model=model), factor), width, height, every, whole=search)
            yield Gear(view, model, True, factor, _taken_ms(view.largest, clock))
    whole = WholeView(_scaled(replace(settings, model=variants[-1]), SCALES[-1]), width, height)
    yield Gear(whole, variants[-1], False, SCALES[-1], _taken_ms(whole.whole, clock))


def _search(
    wholes: list[tuple[float, Settings, FullLook]],
    width: int,
    height: int,
    budget_ms: float,
    clock: Callable[[], int],
) -> FullLook:
    """The look at the whole frame between crops: of the largest scale that keeps the budget, else the least."""
    taken, fastest, look = min(wholes, key=lambda entry: entry[0])
    for factor in SCALES:
        if factor != 1.0:
            look = FullLook(_scaled(fastest, factor), width, height, None)
            taken = _taken_ms(look, clock)
        if taken <= _SPARE * budget_ms:
            break
    return look


def _scaled(settings: Settings, factor: float) -> Settings:
    model = settings.model
    contract = replace(model.contract, scale=model.contract.scale * factor)
    return settings if factor == 1.0 else replace(settings, model=replace(model, contract=contract))


def _twin(model: Model) -> list[Model]:
    """The 8-bit variant of a model: NAME-int8 of the zoo, or the file of that name beside it; none if there is none."""
    if model.contract.precision != "fp32":
        return []
    beside = model.path.with_name(f"{model.path.stem}-int8.onnx")
    if not beside.is_file():
        return []
    try:
        twin = load_model(str(beside))
    except PosewireError:
        return []  # another file that happens to have the name
    same = twin.contract.keypoints == model.contract.keypoints and twin.contract.scale == model.contract.scale
    return [twin] if same else []


def _taken_ms(look: FullLook, clock: Callable[[], int]) -> float:
    image = np.full((look.geometry.frame[1], look.geometry.frame[0], 3), 128, np.uint8)
    taken = np.zeros(_TRIALS)
    for n in range(_TRIALS):
        began = clock()
        look.prepare(image)
        look.run()
        look.decode()
        taken[n] = (clock() - began) / 1e6
    return float(np.quantile(taken[2:], _SHARE))
