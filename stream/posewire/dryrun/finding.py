"""Poses of a recording by the network, as a run finds them."""

from __future__ import annotations

from collections.abc import Callable

import cv2

from posewire.dryrun.poses import Ids
from posewire.frame import Floats, Image
from posewire.pipeline import Pipeline, StepStamps
from posewire.session import Model
from posewire_models.errors import InputError


class Finder:
    """The pipeline of `posewire run` with its usual settings. Arrays are overwritten by the next step."""

    def __init__(self, model: Model, min_score: float | None, animals: int | None) -> None:
        """Raises InputError."""
        if animals is not None and model.contract.animals == "one":
            raise InputError(f"--animals: {model.contract.name} is a model of one animal; leave it out")
        if min_score is not None and not 0 <= min_score <= 1:
            raise InputError(f"--min-score {min_score:g}: expected a score from 0 to 1")
        cv2.setNumThreads(1)
        self._pipeline = Pipeline(model, min_score=min_score, animals=animals)
        self._stamps = StepStamps()

    @property
    def min_score(self) -> float:
        """Below it keypoints are unknown."""
        return self._pipeline.min_score

    def fit(self, width: int, height: int) -> tuple[str, ...]:
        """Make the network; remarks on it. Raises InputError."""
        self._pipeline.fit(width, height)
        return self._pipeline.notes

    def step(self, image: Image, time_ns: int, let_in: Callable[[], None]) -> tuple[Floats, Ids | None, Floats | None]:
        """Poses, ids and their scores of one frame; ``let_in`` is called when the next one may be decoded."""
        pipeline = self._pipeline
        if not pipeline.fits(image):
            pipeline.fit(image.shape[1], image.shape[0])
        pipeline.step(image, self._stamps, let_in, time_ns)
        return pipeline.poses, pipeline.ids, pipeline.id_scores
