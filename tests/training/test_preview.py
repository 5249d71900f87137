"""Colours of keypoints in a training's preview."""

from __future__ import annotations

from posewire_training.preview import _shades_of


def test_told_colours_are_used_and_the_others_differ() -> None:
    shades = _shades_of(("snout", "ear", "tail"), {"ear": "#ff8001"})
    assert list(shades[1]) == [1, 128, 255]  # BGR
    assert len({tuple(shade) for shade in shades}) == 3
