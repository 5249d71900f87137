"""A model file on single pictures, with no stream: the animals it finds, whatever their scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from posewire.frame import Floats, Image
from posewire.pipeline import Pipeline
from posewire.session import Model

Predict = Callable[[Image], Floats]
"""A picture (uint8 [H, W, 3] BGR or [H, W] gray) -> float32 [animals, K, 3]: x and y in its pixels, score; NaN, NaN, 0
for a keypoint that was not found."""

_LEAST_SCORE = 0.2  # of a peak of several animals: lower ones belong to nobody


def predictor(model: Model, provider: str = "auto", most: int | None = None) -> Predict:
    """How to predict with ``model``, by the runtime's own pipeline: for one animal its best peaks, for several animals
    the best ``most`` of a frame (None: all), each picture for itself. Raises InputError for a provider that cannot run
    it."""
    if model.contract.animals == "one":
        pipeline = Pipeline(model, provider=provider)

        def best_peaks(image: Image) -> Floats:
            pipeline(image)
            return pipeline.peaks.copy()

        return best_peaks
    least = min(_LEAST_SCORE, model.contract.min_score)
    rules = replace(model.contract.rules, max_animals=most or model.contract.rules.max_animals)
    several = Pipeline(model, provider=provider, min_score=least, rules=rules)

    def animals(image: Image) -> Floats:
        several.forget()
        return several(image).copy()

    return animals
