"""What a session found against what its source knows: for sources that have the truth of their frames."""

from __future__ import annotations

from typing import Any

from posewire.frame import Frame
from posewire.pipeline import Pipeline
from posewire.truth import IdentityTruth, PredictionTruth, TruthScore


class Judge:
    """Errors of places, identities and predictions of one pipeline; frames without truth are passed over."""

    def __init__(self, pipeline: Pipeline) -> None:
        keypoints = pipeline.model.contract.keypoints
        self._pipeline = pipeline
        self._places = TruthScore(keypoints)
        self._identities = IdentityTruth(keypoints) if pipeline.several else None
        self._ahead = None if pipeline.predictor is None else PredictionTruth(keypoints)

    def add(self, frame: Frame, time_ns: int) -> None:
        """Enter the pipeline's last frame, taken at ``time_ns`` of the source's time."""
        if frame.truth is None:
            return
        pipeline = self._pipeline
        self._places.add(pipeline.peaks, frame.truth)
        if self._identities is not None and pipeline.ids is not None:
            self._identities.add(pipeline.poses, pipeline.ids, frame.truth)
        if self._ahead is not None and pipeline.predicted is not None:
            self._ahead.add(time_ns, pipeline.poses, time_ns + pipeline.lead_ns, pipeline.predicted, frame.truth)

    def settle(self) -> None:
        """Before the report: where the truth is known, the network's own error is measured, not taken from its card."""
        if self._pipeline.predictor is not None and self._ahead is not None and self._ahead.network_px is not None:
            self._pipeline.predictor.network_px = self._ahead.network_px

    def complete(self, report: dict[str, Any]) -> None:
        """Put what is known into a report."""
        if self._places.mean_px is not None:
            report["truth_px"] = self._places.mean_px
        if self._identities is not None and (figures := self._identities.figures()) is not None:
            report["truth"] = figures
        if self._ahead is not None:
            report["prediction"].update(self._ahead.figures())
