"""Heatmaps, offsets and part affinity fields -> keypoints in pixels of the full frame."""

from posewire.decode.single import Decoder

__all__ = ["Decoder"]
