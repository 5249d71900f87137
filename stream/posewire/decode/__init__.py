"""Heatmaps, offsets and part affinity fields -> keypoints in pixels of the full frame."""

from posewire.decode.several import Assembler, Grid, MapDecoder, map_decoder
from posewire.decode.single import Decoder

__all__ = ["Assembler", "Decoder", "Grid", "MapDecoder", "map_decoder"]
